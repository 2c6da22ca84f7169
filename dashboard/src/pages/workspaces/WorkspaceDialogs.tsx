import type { Workspace } from '@contract/controlplane'
import { idOf } from '@/api/session'
import { useChange, useOrganization } from '@/app/organization'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { CopyCommand } from '@/ui/CopyCommand'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'
import { Typed } from '@/ui/Typed'
import { changeOf } from './changeOf'
import { VersionField } from './VersionField'

export type WorkspaceAct = 'update' | 'suspend' | 'resume' | 'upgrade' | 'delete' | 'deregister'
export type WorkspaceWish =
  | { act: 'create' | 'register' }
  | { act: 'enroll'; id: string }
  | { act: WorkspaceAct; workspace: Workspace }

const VERBS = {
  create: 'Create',
  register: 'Register',
  enroll: 'Done',
  update: 'Save',
  suspend: 'Suspend',
  resume: 'Resume',
  upgrade: 'Upgrade',
  delete: 'Delete',
  deregister: 'Deregister',
}

type Props = { wish: WorkspaceWish | undefined; onWish: (wish: WorkspaceWish | undefined) => void }

/** Asks before anything is done with a workspace, with what it needs to be told. */
export function WorkspaceDialogs({ wish, onWish }: Props) {
  const { client, name: parent } = useOrganization()
  const change = useChange(async ({ wanted, form }: { wanted: WorkspaceWish; form: FormData }) =>
    onWish(await changeOf(client, parent, wanted, form)),
  )
  const act = wish?.act ?? 'create'

  function close() {
    change.reset()
    onWish(undefined)
  }
  return (
    <ConfirmDialog
      isOpen={!!wish}
      onClose={close}
      title={titleOf(wish)}
      verb={VERBS[act]}
      isDangerous={act === 'delete' || act === 'deregister'}
      onConfirm={(form) => wish && change.mutate({ wanted: wish, form })}
      isBusy={change.isPending}
      error={change.error}
    >
      {wish && <Questions wish={wish} />}
    </ConfirmDialog>
  )
}

function titleOf(wish: WorkspaceWish | undefined): string {
  if (!wish) return ''
  if (wish.act === 'enroll') return `Start the server of ${wish.id}`
  if (!('workspace' in wish))
    return wish.act === 'create' ? 'Create a workspace' : 'Register a workspace that runs elsewhere'
  const id = idOf(wish.workspace.name)
  return wish.act === 'update' ? `Edit the workspace ${id}` : `${VERBS[wish.act]} the workspace ${id}?`
}

function Questions({ wish }: { wish: WorkspaceWish }) {
  switch (wish.act) {
    case 'create':
    case 'register':
      return <NewFields isHere={wish.act === 'create'} />
    case 'enroll':
      return (
        <>
          <p className="quiet">It is registered. This prints the commands that start its server:</p>
          <CopyCommand command={`weft workspaces enroll ${wish.id}`} />
        </>
      )
    case 'update':
      return <UpdateFields workspace={wish.workspace} />
    case 'suspend':
      return <p className="quiet">Its server ends once nothing asks it any more; its data stays.</p>
    case 'resume':
      return <p className="quiet">Its server starts again, where it ended.</p>
    case 'upgrade':
      return <VersionField label="To which version" hint="It goes back by itself where that is not well." />
    case 'delete':
      return <DeleteFields id={idOf(wish.workspace.name)} />
    case 'deregister':
      return (
        <>
          <p className="quiet">
            Nobody signs in to it any more. Its server and its data stay where they are.
          </p>
          <Typed label="To go on, type its id" what={idOf(wish.workspace.name)} />
        </>
      )
  }
}

function NewFields({ isHere }: { isHere: boolean }) {
  return (
    <>
      <Field
        label="Id"
        name="id"
        pattern="[a-z]([a-z0-9\-]*[a-z0-9])?"
        maxLength={63}
        hint="Small letters, digits and dashes; it never changes."
        autoComplete="off"
        spellCheck={false}
        required
      />
      <Field
        label="Name"
        name="displayName"
        maxLength={128}
        hint="Optional; what people read."
        autoComplete="off"
      />
      {isHere && <VersionField label="Version" />}
    </>
  )
}

const POLICIES = [
  ['UPGRADE_POLICY_MANUAL', 'Somebody, by hand'],
  ['UPGRADE_POLICY_AUTOMATIC', 'The control plane, as soon as there is a newer version'],
] as const

function UpdateFields({ workspace }: { workspace: Workspace }) {
  return (
    <>
      <Field
        label="Name"
        name="displayName"
        maxLength={128}
        defaultValue={workspace.displayName}
        autoComplete="off"
      />
      {workspace.deploymentMode !== 'DEPLOYMENT_MODE_HYBRID' && (
        <Select
          label="Who upgrades it"
          name="upgradePolicy"
          choices={POLICIES}
          defaultValue={workspace.upgradePolicy}
        />
      )}
    </>
  )
}

function DeleteFields({ id }: { id: string }) {
  return (
    <>
      <p className="quiet">Its server ends, and nobody can undo that.</p>
      <label>
        <input type="checkbox" name="removeData" /> Remove its data too
      </label>
      <Typed label="To go on, type its id" what={id} />
    </>
  )
}
