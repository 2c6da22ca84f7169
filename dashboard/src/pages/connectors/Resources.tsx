import { ListConnectorResources, type ServiceConnector } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useConnectorTypes } from '@/app/credentials'
import { useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { Note } from '@/ui/Note'
import { Select } from '@/ui/Select'
import css from './connectors.module.css'

const MOST = 100

/** What lies behind a connector, as the service says when it is asked. */
export function Resources({ connector }: { connector: ServiceConnector }) {
  const { client } = useProject()
  const types = useConnectorTypes().data?.find(({ name }) => name === connector.type)?.resourceTypes ?? []
  const offered = types.filter(
    ({ id }) => connector.resourceTypes.length === 0 || connector.resourceTypes.includes(id),
  )
  const [chosen, setChosen] = useState('')
  const resourceType = chosen || offered[0]?.id || ''
  const found = useMutation({
    mutationFn: () =>
      client.call(ListConnectorResources, { parent: connector.name, resourceType, pageSize: MOST }),
  })
  if (offered.length === 0) return <p className="quiet">Nothing that can be listed.</p>
  return (
    <>
      <div className={css.ask}>
        <Select
          label="Of the type"
          value={resourceType}
          onChange={({ target }) => {
            setChosen(target.value)
            found.reset()
          }}
          choices={offered.map(({ id, displayName }) => [id, displayName || id] as const)}
        />
        <Button isBusy={found.isPending} onClick={() => found.mutate()}>
          Ask the service
        </Button>
      </div>
      {found.error && <Note kind="bad" error={found.error} />}
      {found.data?.resources.length === 0 && <p className="quiet">It reaches nothing of this type.</p>}
      {found.data && found.data.resources.length > 0 && (
        <ul className={css.list}>
          {found.data.resources.map(({ resourceId, location }) => (
            <li key={resourceId}>
              <span className="mono">{resourceId}</span>
              <span className="quiet">{location}</span>
            </li>
          ))}
        </ul>
      )}
      {found.data?.nextPageToken && <p className="quiet">These are the first {MOST}; there are more.</p>}
    </>
  )
}
