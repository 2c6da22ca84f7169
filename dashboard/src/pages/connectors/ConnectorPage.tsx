import { DeleteServiceConnector, type ServiceConnector, VerifyServiceConnector } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useConnector } from '@/app/credentials'
import { DeleteDialog } from '@/app/DeleteDialog'
import { SecretLink } from '@/app/infrastructureLinks'
import { useProject } from '@/app/project'
import { useMayInWorkspace } from '@/app/workspace'
import { Button } from '@/ui/Button'
import { Crumbs } from '@/ui/Crumbs'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Icon } from '@/ui/Icon'
import { Note } from '@/ui/Note'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { Values } from '@/ui/Values'
import { ConnectorDialog } from './ConnectorDialog'
import css from './connectors.module.css'
import { Resources } from './Resources'
import { UsersOf } from './UsersOf'

const route = getRouteApi('/w/$workspace/connectors/$connector')

/** One connector: how it signs in, whether that works, what it reaches and who uses it. */
export function ConnectorPage() {
  const { connector: id } = route.useParams()
  const connector = useConnector(id)
  useTitle(connector.data?.displayName || id, 'Connectors')
  if (connector.error && !connector.data)
    return <ErrorPage error={connector.error} onRetry={() => connector.refetch()} />
  if (!connector.data) return <p className={css.loading}>Reading the connector …</p>
  return <Loaded connector={connector.data} />
}

function Loaded({ connector }: { connector: ServiceConnector }) {
  const { client } = useProject()
  const may = useMayInWorkspace()
  const { name, displayName, description } = connector
  const trial = useMutation({
    mutationFn: async () => (await client.call(VerifyServiceConnector, { name })).identity,
  })
  return (
    <>
      <PageHead title={displayName || idOf(name)} actions={<Actions connector={connector} trial={trial} />}>
        <Crumbs>
          <Link from={route.id} to="/w/$workspace/connectors">
            Connectors
          </Link>
          <span className="mono">{idOf(name)}</span>
        </Crumbs>
        {description && <p className={css.description}>{description}</p>}
        <Head connector={connector} />
      </PageHead>
      <div className={css.body} tabIndex={0} role="region" aria-label="The connector">
        {trial.error && <Note kind="bad" error={trial.error} />}
        {trial.data !== undefined && (
          <p className={css.works} role="status">
            <Icon name="check" /> It works: the service knows us as {trial.data || 'who may sign in'}.
          </p>
        )}
        <div className={css.parts}>
          <section className={css.part}>
            <h2>How it signs in</h2>
            <Setup connector={connector} />
          </section>
          <section className={css.part}>
            <h2>Used by</h2>
            <UsersOf connector={name} />
          </section>
          {may('connectors.verify') && (
            <section className={css.part}>
              <h2>What it reaches</h2>
              <Resources connector={connector} />
            </section>
          )}
        </div>
      </div>
    </>
  )
}

function Head({ connector }: { connector: ServiceConnector }) {
  const { type, resourceTypes, resourceId, expireTime } = connector
  return (
    <Facts>
      <Fact label="Type">{idOf(type)}</Fact>
      <Fact label="Signs in by">{connector.authMethod}</Fact>
      <Fact label="Good for">{resourceTypes.join(', ') || 'All it can'}</Fact>
      {resourceId && <Fact label="Only the resource">{resourceId}</Fact>}
      {expireTime && (
        <Fact label="Ends">
          <Ago time={expireTime} />
        </Fact>
      )}
      <Fact label="Changed">
        <Ago time={connector.updateTime ?? connector.createTime} />
      </Fact>
    </Facts>
  )
}

function Setup({ connector: { config = {}, secretFields, secretName } }: { connector: ServiceConnector }) {
  return (
    <Values
      values={{
        ...config,
        'Kept secret here': secretFields.join(', '),
        'Keys of': secretName && <SecretLink name={secretName} />,
      }}
    />
  )
}

type ActionProps = { connector: ServiceConnector; trial: { mutate: () => void; isPending: boolean } }

function Actions({ connector, trial }: ActionProps) {
  const { client, key } = useProject()
  const may = useMayInWorkspace()
  const navigate = route.useNavigate()
  const [wish, setWish] = useState<'edit' | 'delete'>()
  const { name, etag } = connector
  const close = () => setWish(undefined)
  return (
    <>
      {may('connectors.delete') && (
        <Button kind="danger" onClick={() => setWish('delete')}>
          Delete
        </Button>
      )}
      {may('connectors.update') && <Button onClick={() => setWish('edit')}>Edit</Button>}
      {may('connectors.verify') && (
        <Button kind="primary" isBusy={trial.isPending} onClick={() => trial.mutate()}>
          Test the connection
        </Button>
      )}
      <ConnectorDialog isOpen={wish === 'edit'} onClose={close} connector={connector} />
      <DeleteDialog
        isOpen={wish === 'delete'}
        onClose={close}
        onDone={() => void navigate({ to: '/w/$workspace/connectors' })}
        what={`the connector ${idOf(name)}`}
        scope={key}
        item={['item', name]}
        remove={() => client.call(DeleteServiceConnector, { name, etag })}
      />
    </>
  )
}
