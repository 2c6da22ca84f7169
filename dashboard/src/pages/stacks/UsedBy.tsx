import { useComponents, useStacks, useWhole } from '@/app/infrastructure'
import { ComponentLink, StackLink } from '@/app/infrastructureLinks'
import { Note } from '@/ui/Note'
import css from './stacks.module.css'

/** The stacks that a component is in. */
export function StacksWith({ component }: { component: string }) {
  const list = useStacks()
  const users = useWhole(list).filter(
    ({ components, additionalComponents }) =>
      Object.values(components).includes(component) || additionalComponents.includes(component),
  )
  if (list.error) return <Note kind="bad" error={list.error} />
  if (list.isPending) return <p className="quiet">Reading …</p>
  if (users.length === 0) return <p className="quiet">It is in no stack.</p>
  return (
    <ul className={css.uses}>
      {users.map(({ name, displayName, workspaceDefault }) => (
        <li key={name}>
          <StackLink name={name} label={displayName} />
          {workspaceDefault && <span className={css.default}>Default</span>}
        </li>
      ))}
    </ul>
  )
}

/** The components of a flavor. */
export function ComponentsOf({ flavor }: { flavor: string }) {
  const list = useComponents()
  const users = useWhole(list).filter((component) => component.flavor === flavor)
  if (list.error) return <Note kind="bad" error={list.error} />
  if (list.isPending) return <p className="quiet">Reading …</p>
  if (users.length === 0) return <p className="quiet">No component has it.</p>
  return (
    <ul className={css.uses}>
      {users.map(({ name, displayName }) => (
        <li key={name}>
          <ComponentLink name={name} label={displayName} />
        </li>
      ))}
    </ul>
  )
}
