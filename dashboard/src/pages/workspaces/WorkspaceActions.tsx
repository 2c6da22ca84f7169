import type { Workspace } from '@contract/controlplane'
import { idOf } from '@/api/session'
import { type OrganizationVerb, useMayHere } from '@/app/organization'
import { workspaceWord } from '@/app/WorkspaceMark'
import { MenuItem } from '@/ui/Menu'
import { RowMenu } from '@/ui/RowMenu'
import type { WorkspaceAct, WorkspaceWish } from './WorkspaceDialogs'

/** Whether somebody else runs its server. */
export function isHybrid({ deploymentMode }: Workspace): boolean {
  return deploymentMode === 'DEPLOYMENT_MODE_HYBRID'
}

type Offer = { act: WorkspaceAct; words: string; verb: OrganizationVerb }
const UPDATE: Offer = { act: 'update', words: 'Edit …', verb: 'workspaces.update' }
const SUSPEND: Offer = { act: 'suspend', words: 'Suspend …', verb: 'workspaces.suspend' }
const RESUME: Offer = { act: 'resume', words: 'Resume …', verb: 'workspaces.resume' }
const UPGRADE: Offer = { act: 'upgrade', words: 'Upgrade …', verb: 'workspaces.upgrade' }
const DELETE: Offer = { act: 'delete', words: 'Delete …', verb: 'workspaces.delete' }
const DEREGISTER: Offer = { act: 'deregister', words: 'Deregister …', verb: 'workspaces.deregister' }

/** What would not be refused as the workspace stands; whoever runs a server elsewhere stops it there. */
function offersFor(workspace: Workspace): Offer[] {
  if (isHybrid(workspace)) return [UPDATE, DEREGISTER]
  if (workspace.operation) return [UPDATE]
  if (workspaceWord(workspace.state) === 'suspended') return [UPDATE, RESUME, DELETE]
  return [UPDATE, SUSPEND, UPGRADE, DELETE]
}

type Props = { workspace: Workspace; onWish: (wish: WorkspaceWish) => void }

export function WorkspaceActions({ workspace, onWish }: Props) {
  const may = useMayHere()
  const offers = offersFor(workspace).filter(({ verb }) => may(verb))
  if (offers.length === 0) return null
  return (
    <RowMenu label={`What to do with the workspace ${idOf(workspace.name)}`}>
      {offers.map(({ act, words }) => (
        <MenuItem key={act} onSelect={() => onWish({ act, workspace })}>
          {words}
        </MenuItem>
      ))}
    </RowMenu>
  )
}
