// What is asked before a saved view is made or changed.

import type { SavedView } from '@contract/workspace'
import { problemsOf } from '@/api/problems'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import form from '@/ui/form.module.css'
import { useWhenOpened } from '@/ui/useWhenOpened'
import { useDeleteView, useRenameView, useSaveView, useShareView, useUpdateView } from './useViews'
import { type Look, lookThrough, type Shown, titleOf } from './views'

type Props = { isOpen: boolean; onClose: () => void; view: SavedView | undefined }
type ShownProps = Props & { shown: Shown; onSaved: (look: Look) => void }
type SaveProps = ShownProps & { mayShare: boolean }

/** Keeps what is shown, by a name. */
export function SaveView({ isOpen, onClose, shown, mayShare, onSaved }: SaveProps) {
  const save = useSaveView()
  const close = closing(save, onClose)
  function submit(given: FormData) {
    const said = { displayName: nameIn(given), isShared: given.has('shared'), ...shown }
    save.mutate(said, {
      onSuccess: (view) => {
        close()
        onSaved(lookThrough(view))
      },
    })
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title="Save as a view"
      verb="Save"
      onConfirm={submit}
      isBusy={save.isPending}
      error={save.error}
    >
      <NameField error={save.error} />
      <Told shown={shown} />
      {mayShare && (
        <label className={form.check}>
          <input type="checkbox" name="shared" />
          For all who may see this project
        </label>
      )}
    </ConfirmDialog>
  )
}

/** Has a view say what is shown. */
export function UpdateView({ isOpen, onClose, view, shown, onSaved }: ShownProps) {
  const update = useUpdateView()
  const close = closing(update, onClose)
  function submit() {
    if (!view) return
    const onSuccess = (updated: SavedView) => {
      close()
      onSaved(lookThrough(updated))
    }
    update.mutate({ view, shown }, { onSuccess })
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={`Update “${view ? titleOf(view) : ''}”?`}
      verb="Update"
      onConfirm={submit}
      isBusy={update.isPending}
      error={update.error}
    >
      <Told shown={shown} />
      {isShared(view) && <p className="quiet">It changes for everybody.</p>}
    </ConfirmDialog>
  )
}

export function RenameView({ isOpen, onClose, view: now }: Props) {
  const view = useWhenOpened(isOpen, now)
  const rename = useRenameView()
  const close = closing(rename, onClose)
  function submit(given: FormData) {
    if (view) rename.mutate({ view, displayName: nameIn(given) }, { onSuccess: close })
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title="Rename the view"
      verb="Rename"
      onConfirm={submit}
      isBusy={rename.isPending}
      error={rename.error}
    >
      <NameField error={rename.error} value={view && titleOf(view)} />
    </ConfirmDialog>
  )
}

export function ShareView({ isOpen, onClose, view }: Props) {
  const share = useShareView()
  const close = closing(share, onClose)
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={`Share “${view ? titleOf(view) : ''}”?`}
      verb="Share"
      onConfirm={() => view && share.mutate(view, { onSuccess: close })}
      isBusy={share.isPending}
      error={share.error}
    >
      <p className="quiet">All who may see this project get it. It stays shared until it is deleted.</p>
    </ConfirmDialog>
  )
}

export function DeleteView({ isOpen, onClose, view }: Props) {
  const deletion = useDeleteView()
  const close = closing(deletion, onClose)
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={`Delete “${view ? titleOf(view) : ''}”?`}
      verb="Delete"
      isDangerous
      onConfirm={() => view && deletion.mutate(view, { onSuccess: close })}
      isBusy={deletion.isPending}
      error={deletion.error}
    >
      <p className="quiet">The runs stay.{isShared(view) && ' Everybody loses the view.'}</p>
    </ConfirmDialog>
  )
}

function Told({ shown: { filter, orderBy } }: { shown: Shown }) {
  return (
    <p className="quiet">
      It shows {filter ? <code>{filter}</code> : 'all runs'}, {orderBy ? 'the oldest' : 'the newest'} first,
      in the columns of now.
    </p>
  )
}

function isShared(view: SavedView | undefined): boolean {
  return view?.scope === 'SAVED_VIEW_SCOPE_SHARED'
}

function NameField({ error, value }: { error: Error | null; value?: string | undefined }) {
  return (
    <Field
      label="Name"
      name="displayName"
      maxLength={128}
      defaultValue={value}
      problem={problemsOf(error).get('saved_view.display_name')}
      autoComplete="off"
      required
    />
  )
}

function nameIn(given: FormData): string {
  return String(given.get('displayName')).trim()
}

/** What was refused is forgotten with the dialog. */
function closing(change: { reset: () => void }, onClose: () => void): () => void {
  return () => {
    change.reset()
    onClose()
  }
}
