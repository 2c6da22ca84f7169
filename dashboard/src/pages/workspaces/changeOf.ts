import {
  CreateWorkspace,
  DeleteWorkspace,
  DeregisterWorkspace,
  RegisterWorkspace,
  ResumeWorkspace,
  SuspendWorkspace,
  UpdateWorkspace,
  type UpgradePolicy,
  UpgradeWorkspace,
} from '@contract/controlplane'
import type { Client } from '@/api/client'
import type { WorkspaceWish } from './WorkspaceDialogs'

/** Does what is wished; answers what is asked after it. */
export async function changeOf(
  client: Client,
  parent: string,
  wish: WorkspaceWish,
  form: FormData,
): Promise<WorkspaceWish | undefined> {
  const text = (field: string) => String(form.get(field) ?? '').trim()
  const [workspaceId, displayName] = [text('id'), text('displayName')]
  switch (wish.act) {
    case 'enroll':
      return undefined
    case 'register':
      await client.call(RegisterWorkspace, { parent, workspaceId, displayName })
      return { act: 'enroll', id: workspaceId }
    case 'create':
      await client.call(CreateWorkspace, {
        parent,
        workspaceId,
        workspace: { displayName },
        version: text('version'),
      })
      return undefined
  }
  const { name, etag } = wish.workspace
  switch (wish.act) {
    case 'update': {
      const policy = text('upgradePolicy') as UpgradePolicy | ''
      const workspace = { name, etag, displayName, ...(policy && { upgradePolicy: policy }) }
      const updateMask = policy ? 'displayName,upgradePolicy' : 'displayName'
      await client.call(UpdateWorkspace, { workspace, updateMask })
      break
    }
    case 'suspend':
      await client.call(SuspendWorkspace, { name, etag })
      break
    case 'resume':
      await client.call(ResumeWorkspace, { name, etag })
      break
    case 'upgrade':
      await client.call(UpgradeWorkspace, { name, etag, targetVersion: text('version') })
      break
    case 'delete':
      await client.call(DeleteWorkspace, { name, etag, removeData: form.has('removeData') })
      break
    case 'deregister':
      await client.call(DeregisterWorkspace, { name })
  }
  return undefined
}
