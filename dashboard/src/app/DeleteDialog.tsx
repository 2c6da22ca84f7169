import { useQueryClient } from '@tanstack/react-query'
import { idOf } from '@/api/session'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { useProject } from './project'
import { useWorkspaceChange } from './workspace'

type Props = {
  isOpen: boolean
  onClose: () => void
  onDone: () => void
  /** What it is, in a word: "stack". */
  noun: string
  name: string
  remove: () => Promise<unknown>
}

/** Asks before something of the workspace is deleted; what still uses it, the server says. */
export function DeleteDialog({ isOpen, onClose, onDone, noun, name, remove }: Props) {
  const { key } = useProject()
  const queries = useQueryClient()
  const deletion = useWorkspaceChange(async (_: undefined) => {
    await remove()
    // It is not there to be read anew.
    queries.removeQueries({ queryKey: [...key, 'item', name] })
  })
  function close() {
    deletion.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={`Delete the ${noun} ${idOf(name)}?`}
      verb="Delete"
      isDangerous
      onConfirm={() => deletion.mutate(undefined, { onSuccess: onDone })}
      isBusy={deletion.isPending}
      error={deletion.error}
    >
      <p className="quiet">Nobody can undo this. One that is still used cannot be deleted.</p>
    </ConfirmDialog>
  )
}
