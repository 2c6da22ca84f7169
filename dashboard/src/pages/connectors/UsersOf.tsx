import { useComponents, useWhole } from '@/app/infrastructure'
import { ComponentLink } from '@/app/infrastructureLinks'
import { Note } from '@/ui/Note'
import css from './connectors.module.css'

/** The components that get their credentials from a connector. */
export function UsersOf({ connector }: { connector: string }) {
  const list = useComponents()
  const users = useWhole(list).filter((component) => component.connector === connector)
  if (list.error) return <Note kind="warn" error={list.error} />
  if (list.isPending) return <p className="quiet">Reading …</p>
  if (users.length === 0) return <p className="quiet">No component takes credentials from it.</p>
  return (
    <ul className={css.list}>
      {users.map(({ name, displayName, connectorResource }) => (
        <li key={name}>
          <ComponentLink name={name} label={displayName} />
          <span className="quiet">{connectorResource}</span>
        </li>
      ))}
    </ul>
  )
}
