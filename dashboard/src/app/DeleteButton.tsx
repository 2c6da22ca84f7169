import { type ReactNode, useState } from 'react'
import { idOf } from '@/api/session'
import { Button } from '@/ui/Button'
import { DeleteDialog } from './DeleteDialog'
import { useProject } from './project'

type Props = {
  /** What it is, in a word: "schedule". */
  noun: string
  name: string
  remove: () => Promise<unknown>
  onDone: () => void
  /** What goes with it, and what stays. */
  children?: ReactNode
}

/** Deletes what a page of a project or a workspace shows, once it has asked. */
export function DeleteButton({ noun, name, children, ...rest }: Props) {
  const { key } = useProject()
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button kind="danger" onClick={() => setOpen(true)}>
        Delete
      </Button>
      <DeleteDialog
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        what={`the ${noun} ${idOf(name)}`}
        scope={key}
        item={['item', name]}
        {...rest}
      >
        {children}
      </DeleteDialog>
    </>
  )
}
