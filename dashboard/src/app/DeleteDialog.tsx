import { type QueryKey, useMutation, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ConfirmDialog } from '@/ui/ConfirmDialog'

type Props = {
  isOpen: boolean
  onClose: () => void
  onDone: () => void
  /** What it is, in a word, and what it is called: "the role auditor". */
  what: string
  remove: () => Promise<unknown>
  /** What everything shown beside it is kept under, which is read anew. */
  scope: QueryKey
  /** What it is itself kept under, within the scope: it is not there to be read anew. */
  item: QueryKey
  children?: ReactNode
}

/** Asks before something is deleted that has a page of its own; what still uses it, the server says. */
export function DeleteDialog(props: Props) {
  const { isOpen, onClose, onDone, what, remove, scope, item } = props
  const { children = 'Nobody can undo this. One that is still used cannot be deleted.' } = props
  const queries = useQueryClient()
  const deletion = useMutation({
    mutationFn: async () => {
      await remove()
      queries.removeQueries({ queryKey: [...scope, ...item] })
    },
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: scope })
      onDone()
    },
  })
  function close() {
    deletion.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={`Delete ${what}?`}
      verb="Delete"
      isDangerous
      onConfirm={() => deletion.mutate()}
      isBusy={deletion.isPending}
      error={deletion.error}
    >
      <p className="quiet">{children}</p>
    </ConfirmDialog>
  )
}
