import { type Component, CreateStack, type Stack, UpdateStack } from '@contract/workspace'
import { idOf } from '@/api/session'
import { useComponents, useWhole } from '@/app/infrastructure'
import { useProject } from '@/app/project'
import { useWorkspaceChange } from '@/app/workspace'
import { CommonFields, commonOf } from '@/ui/CommonFields'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import form from '@/ui/form.module.css'
import { Note } from '@/ui/Note'
import { Select } from '@/ui/Select'
import { useWhenOpened } from '@/ui/useWhenOpened'
import { ALL_TYPES, mayBeSeveral, typeOf } from './types'

type Props = {
  isOpen: boolean
  onClose: () => void
  onDone?: (id: string) => void
  /** The one to change; a new one where absent. */
  stack?: Stack
}

/** Puts a stack together, or together anew. */
export function StackDialog({ isOpen, onClose, onDone, stack: now }: Props) {
  const stack = useWhenOpened(isOpen, now)
  const save = useSave(stack)
  function close() {
    save.reset()
    onClose()
  }
  const done = ({ name }: Stack) => {
    close()
    onDone?.(idOf(name))
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={stack ? `Edit ${stack.displayName || idOf(stack.name)}` : 'Create a stack'}
      verb={stack ? 'Save' : 'Create'}
      onConfirm={(given) => save.mutate(given, { onSuccess: done })}
      isBusy={save.isPending}
      error={save.error}
    >
      <CommonFields of={stack} error={save.error} noun="stack" />
      {isOpen && <Parts {...(stack && { stack })} />}
      <label className={form.check}>
        <input type="checkbox" name="default" defaultChecked={stack?.workspaceDefault} />
        Serves all runs for which nobody chose a stack
      </label>
    </ConfirmDialog>
  )
}

/** One component of each type that there are any of, and further ones where a stack may have several. */
function Parts({ stack }: { stack?: Stack }) {
  const list = useComponents()
  const all = useWhole(list)
  if (list.error) return <Note kind="bad" error={list.error} />
  // A part of them would offer less than the stack has, and save that.
  if (list.isPending || list.hasNextPage) return <p className="quiet">Reading the components …</p>
  if (all.length === 0)
    return <p className="quiet">There are no components yet: the workspace itself does everything.</p>
  const held = ALL_TYPES.map((type) => [type, all.filter((each) => each.type === type)] as const)
  return held
    .filter(([, some]) => some.length > 0)
    .map(([type, some]) => (
      <div key={type} className={form.form}>
        <input type="hidden" name="asked" value={type} />
        <Select
          label={typeOf(type).word}
          name={`type:${type}`}
          defaultValue={stack?.components[type] ?? ''}
          choices={[
            ['', 'None: the workspace itself'],
            ...some.map(({ name, displayName }) => [name, displayName || idOf(name)] as const),
          ]}
        />
        {mayBeSeveral(type) && <Further type={type} held={some} {...(stack && { stack })} />}
      </div>
    ))
}

function Further({ type, held, stack }: { type: string; held: Component[]; stack?: Stack }) {
  if (held.length < 2) return null
  return (
    <fieldset className={form.group}>
      <legend>Beside it, for steps that ask for them: {typeOf(type).word}</legend>
      {held.map(({ name, displayName }) => (
        <label key={name} className={form.check}>
          <input
            type="checkbox"
            name="further"
            value={name}
            defaultChecked={stack?.additionalComponents.includes(name)}
          />
          {displayName || idOf(name)}
        </label>
      ))}
    </fieldset>
  )
}

function useSave(stack: Stack | undefined) {
  const { client } = useProject()
  return useWorkspaceChange((given: FormData) => {
    const fields = {
      ...commonOf(given),
      // Where they could not be read nothing was asked, and nothing is changed.
      ...(given.has('asked') && partsOf(given)),
      workspaceDefault: given.has('default'),
    }
    if (!stack) return client.call(CreateStack, { stackId: String(given.get('id')), stack: fields })
    const { name, etag } = stack
    const updateMask = Object.keys(fields).join(',')
    return client.call(UpdateStack, { stack: { name, etag, ...fields }, updateMask })
  })
}

function partsOf(given: FormData): Pick<Stack, 'components' | 'additionalComponents'> {
  const chosen = ALL_TYPES.map((type) => [type, String(given.get(`type:${type}`) ?? '')] as const)
  const components = Object.fromEntries(chosen.filter(([, name]) => name))
  const further = given.getAll('further').map(String)
  // What serves by default is not a further one.
  const serving = new Set(Object.values(components))
  return { components, additionalComponents: further.filter((name) => !serving.has(name)) }
}
