import { useMutation } from '@tanstack/react-query'
import { ConfirmDialog } from './ConfirmDialog'
import { Field } from './Field'
import { labelsOf, textOf } from './labelText'
import { TextArea } from './TextArea'

/** What people say of an artifact or a version; `title` is its display name, or its alias. */
export type Said = { title: string; description: string; labels: { [key: string]: string } }

type Props = {
  title: string
  isOpen: boolean
  onClose: () => void
  said: Said
  /** What the title is called; without it there is none to edit. */
  name?: { label: string; hint: string; maxLength: number }
  save: (said: Said) => Promise<unknown>
}

export function EditDialog({ title, isOpen, onClose, said, name, save }: Props) {
  const change = useMutation({ mutationFn: save, onSuccess: onClose })
  function submit(form: FormData) {
    const text = (field: string) => String(form.get(field) ?? '').trim()
    change.mutate({
      title: text('title'),
      description: text('description'),
      labels: labelsOf(text('labels')),
    })
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={onClose}
      title={title}
      verb="Save"
      onConfirm={submit}
      isBusy={change.isPending}
      error={change.error}
    >
      {name && <Field {...name} name="title" defaultValue={said.title} autoComplete="off" />}
      <TextArea
        label="Description"
        name="description"
        maxLength={4096}
        rows={4}
        defaultValue={said.description}
      />
      <TextArea
        label="Labels"
        name="labels"
        rows={4}
        spellCheck={false}
        hint="One a line: key=value."
        defaultValue={textOf(said.labels)}
      />
    </ConfirmDialog>
  )
}
