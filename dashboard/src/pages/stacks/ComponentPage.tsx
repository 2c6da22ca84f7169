import { type Component, DeleteComponent, ValidateComponent } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { DeleteDialog } from '@/app/DeleteDialog'
import { useComponent } from '@/app/infrastructure'
import { ConnectorLink, FlavorLink } from '@/app/infrastructureLinks'
import { useProject } from '@/app/project'
import { useMayInWorkspace } from '@/app/workspace'
import { Button } from '@/ui/Button'
import { Crumbs } from '@/ui/Crumbs'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Labels } from '@/ui/Labels'
import { PageHead } from '@/ui/Page'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import { Values } from '@/ui/Values'
import { ComponentDialog } from './ComponentDialog'
import { Report } from './Report'
import css from './stacks.module.css'
import { TypeWord } from './TypeWord'
import { StacksWith } from './UsedBy'

const route = getRouteApi('/w/$workspace/components/$component')

/** One component: how it is set up, whether it works, and which stacks it is in. */
export function ComponentPage() {
  const { component: id } = route.useParams()
  const component = useComponent(id)
  useTitle(component.data?.displayName || id, 'Components')
  if (component.error && !component.data)
    return <ErrorPage error={component.error} onRetry={() => component.refetch()} />
  if (!component.data) return <p className={css.loading}>Reading the component …</p>
  return <Loaded component={component.data} />
}

function Loaded({ component }: { component: Component }) {
  const { client } = useProject()
  const { name, displayName, config = {} } = component
  const trial = useMutation({ mutationFn: () => client.call(ValidateComponent, { name }) })
  return (
    <>
      <PageHead title={displayName || idOf(name)} actions={<Actions component={component} trial={trial} />}>
        <Crumbs>
          <Link from={route.id} to="/w/$workspace/components">
            Components
          </Link>
          <span className="mono">{idOf(name)}</span>
        </Crumbs>
        {component.description && <p className={css.description}>{component.description}</p>}
        <Head component={component} />
      </PageHead>
      <div className={css.body} tabIndex={0} role="region" aria-label="The component">
        <Report of={trial} />
        <div className={css.parts}>
          <section className={css.part}>
            <h2>Configuration</h2>
            {Object.keys(config).length > 0 ? (
              <Values values={{ ...config }} />
            ) : (
              <p className="quiet">Its flavor asks for nothing.</p>
            )}
          </section>
          <section className={css.part}>
            <h2>Used by</h2>
            <StacksWith component={name} />
          </section>
        </div>
      </div>
    </>
  )
}

function Head({ component }: { component: Component }) {
  const { connector, connectorResource, labels } = component
  return (
    <Facts>
      <Fact label="Type">
        <TypeWord type={component.type} />
      </Fact>
      <Fact label="Flavor">
        <FlavorLink name={component.flavor} />
      </Fact>
      {connector && (
        <Fact label="Credentials from">
          <ConnectorLink name={connector} />
          {connectorResource && ` for ${connectorResource}`}
        </Fact>
      )}
      <Fact label="Made">
        <Ago time={component.createTime} />
      </Fact>
      <Fact label="Changed">
        <Ago time={component.updateTime ?? component.createTime} />
      </Fact>
      {Object.keys(labels).length > 0 && (
        <Fact label="Labels">
          <Labels labels={labels} />
        </Fact>
      )}
    </Facts>
  )
}

type ActionProps = { component: Component; trial: { mutate: () => void; isPending: boolean } }

function Actions({ component, trial }: ActionProps) {
  const { client, key } = useProject()
  const may = useMayInWorkspace()
  const navigate = route.useNavigate()
  const [wish, setWish] = useState<'edit' | 'delete'>()
  const { name, etag } = component
  const close = () => setWish(undefined)
  return (
    <>
      {may('components.delete') && (
        <Button kind="danger" onClick={() => setWish('delete')}>
          Delete
        </Button>
      )}
      {may('components.update') && <Button onClick={() => setWish('edit')}>Edit</Button>}
      {may('components.validate') && (
        <Button kind="primary" isBusy={trial.isPending} onClick={() => trial.mutate()}>
          Try it
        </Button>
      )}
      <ComponentDialog isOpen={wish === 'edit'} onClose={close} component={component} />
      <DeleteDialog
        isOpen={wish === 'delete'}
        onClose={close}
        onDone={() => void navigate({ to: '/w/$workspace/components' })}
        what={`the component ${idOf(name)}`}
        scope={key}
        item={['item', name]}
        remove={() => client.call(DeleteComponent, { name, etag })}
      />
    </>
  )
}
