import { idOf } from '@/api/session'
import { useConnectors } from '@/app/credentials'
import { useComponents, useWhole } from '@/app/infrastructure'
import { ComponentLink, ConnectorLink } from '@/app/infrastructureLinks'
import { Note } from '@/ui/Note'
import css from './secrets.module.css'

/** The components and connectors that name a secret; what belongs to projects, such as webhooks, is not among them. */
export function UsersOf({ secret }: { secret: string }) {
  const components = useComponents()
  const connectors = useConnectors()
  const reference = new RegExp(`\\{\\{\\s*secrets\\.${idOf(secret)}\\.`)
  const naming = useWhole(components).filter(({ config }) => reference.test(JSON.stringify(config ?? {})))
  const signing = useWhole(connectors).filter(({ secretName }) => secretName === secret)
  const error = components.error ?? connectors.error
  if (error) return <Note kind="warn" error={error} />
  if (components.isPending || connectors.isPending) return <p className="quiet">Reading …</p>
  if (naming.length + signing.length === 0)
    return <p className="quiet">No component and no connector names it. Steps may.</p>
  return (
    <ul className={css.uses}>
      {naming.map(({ name, displayName }) => (
        <li key={name}>
          <ComponentLink name={name} label={displayName} />
          <span className="quiet">component</span>
        </li>
      ))}
      {signing.map(({ name, displayName }) => (
        <li key={name}>
          <ConnectorLink name={name} label={displayName} />
          <span className="quiet">connector</span>
        </li>
      ))}
    </ul>
  )
}
