import { DeleteFlavor, type Flavor } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import { fieldsOf, type Schema } from '@/api/schema'
import { idOf } from '@/api/session'
import { DeleteButton } from '@/app/DeleteButton'
import { useFlavor } from '@/app/infrastructure'
import { useProject } from '@/app/project'
import { useMayInWorkspace } from '@/app/workspace'
import { Crumbs } from '@/ui/Crumbs'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { PageHead } from '@/ui/Page'
import { useTitle } from '@/ui/useTitle'
import { wordOf } from './FlavorsPage'
import { isSecret } from './schemaWords'
import css from './stacks.module.css'
import { TypeWord } from './TypeWord'
import { ComponentsOf } from './UsedBy'

const route = getRouteApi('/w/$workspace/flavors/$flavor')

/** One flavor: what its components' configuration holds. */
export function FlavorPage() {
  const { flavor: id } = route.useParams()
  const flavor = useFlavor(id)
  useTitle(flavor.data?.displayName || id, 'Flavors')
  if (flavor.error && !flavor.data) return <ErrorPage error={flavor.error} onRetry={() => flavor.refetch()} />
  if (!flavor.data) return <p className={css.loading}>Reading the flavor …</p>
  return <Loaded flavor={flavor.data} />
}

function Loaded({ flavor }: { flavor: Flavor }) {
  const { name, displayName, description } = flavor
  return (
    <>
      <PageHead title={displayName || idOf(name)} actions={<Delete flavor={flavor} />}>
        <Crumbs>
          <Link from={route.id} to="/w/$workspace/flavors">
            Flavors
          </Link>
          <span className="mono">{idOf(name)}</span>
        </Crumbs>
        {description && <p className={css.description}>{description}</p>}
        <Facts>
          <Fact label="Type">
            <TypeWord type={flavor.type} />
          </Fact>
          <Fact label="Weft">{wordOf(flavor.use)}</Fact>
          <Fact label="Made by">{flavor.builtIn ? 'Weft' : 'Your people'}</Fact>
        </Facts>
      </PageHead>
      <div className={css.body} tabIndex={0} role="region" aria-label="The flavor">
        <section className={css.part}>
          <h2>What there is to fill in</h2>
          <Fields schema={(flavor.configSchema ?? {}) as Schema} />
        </section>
        <section className={css.part}>
          <h2>Components</h2>
          <ComponentsOf flavor={name} />
        </section>
      </div>
    </>
  )
}

function Fields({ schema }: { schema: Schema }) {
  const names = fieldsOf(schema)
  if (names.length === 0) return <p className="quiet">Anything: it names no fields.</p>
  return (
    <table className={css.schema}>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Kind</th>
          <th scope="col">What it is</th>
        </tr>
      </thead>
      <tbody>
        {names.map((name) => (
          <FieldRow
            key={name}
            name={name}
            of={schema.properties?.[name] ?? {}}
            isRequired={schema.required?.includes(name) ?? false}
          />
        ))}
      </tbody>
    </table>
  )
}

function FieldRow({ name, of, isRequired }: { name: string; of: Schema; isRequired: boolean }) {
  const kind = of.enum ? of.enum.join(', ') : [of.type ?? 'any'].flat().join(' or ')
  return (
    <tr>
      <td className="mono">{name}</td>
      <td className="quiet">
        {isSecret(of) ? 'secret' : kind}
        {isRequired && ', required'}
      </td>
      <td>{of.title ?? of.description}</td>
    </tr>
  )
}

function Delete({ flavor: { name, etag, builtIn } }: { flavor: Flavor }) {
  const { client } = useProject()
  const may = useMayInWorkspace()
  const navigate = route.useNavigate()
  if (builtIn || !may('flavors.delete')) return null
  return (
    <DeleteButton
      noun="flavor"
      name={name}
      remove={() => client.call(DeleteFlavor, { name, etag })}
      onDone={() => void navigate({ to: '/w/$workspace/flavors' })}
    />
  )
}
