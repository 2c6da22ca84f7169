// Secrets and service connectors of the workspace, as they are now; never their values.
import {
  type ConnectorType,
  type Event,
  GetSecret,
  GetServiceConnector,
  ListConnectorTypes,
  ListSecrets,
  ListServiceConnectors,
  type Secret,
  type ServiceConnector,
} from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useProject } from './project'
import { useLiveItem } from './useLiveItem'
import { useLiveList } from './useLiveList'

const PAGE_SIZE = 200
const secretOf = (event: Event) => event.secret
const connectorOf = (event: Event) => event.serviceConnector

export function useSecrets(filter = '') {
  const { client } = useProject()
  return useLiveList<Secret>({
    key: ['secrets', filter],
    read: async (pageToken, signal) => {
      const request = { pageSize: PAGE_SIZE, filter, pageToken }
      const { secrets, ...page } = await client.call(ListSecrets, request, { signal })
      return { ...page, items: secrets }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Secret',
    itemOf: secretOf,
  })
}

export function useSecret(id: string) {
  const { client } = useProject()
  const name = `secrets/${id}`
  return useLiveItem<Secret>(name, (signal) => client.call(GetSecret, { name }, { signal }), secretOf)
}

export function useConnectors(filter = '') {
  const { client } = useProject()
  return useLiveList<ServiceConnector>({
    key: ['connectors', filter],
    read: async (pageToken, signal) => {
      const request = { pageSize: PAGE_SIZE, filter, pageToken }
      const { serviceConnectors, ...page } = await client.call(ListServiceConnectors, request, { signal })
      return { ...page, items: serviceConnectors }
    },
    concerns: (event) => event.resourceType === 'weft.dev/ServiceConnector',
    itemOf: connectorOf,
  })
}

export function useConnector(id: string) {
  const { client } = useProject()
  const name = `serviceConnectors/${id}`
  const read = (signal: AbortSignal) => client.call(GetServiceConnector, { name }, { signal })
  return useLiveItem<ServiceConnector>(name, read, connectorOf)
}

/** What there is to connect to: as the server's code has it. */
export function useConnectorTypes() {
  const { client, key } = useProject()
  return useQuery<ConnectorType[]>({
    queryKey: [...key, 'connector-types'],
    queryFn: async ({ signal }) =>
      (await client.call(ListConnectorTypes, { pageSize: 500 }, { signal })).connectorTypes,
    staleTime: Number.POSITIVE_INFINITY,
  })
}
