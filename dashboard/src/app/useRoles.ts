import { ListPermissions, ListRoles, type Permission, type Role } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { Client } from '@/api/client'
import { useOrganization } from './organization'
import { usePaged } from './usePaged'

const PAGE_SIZE = 500

export function useRoles() {
  const { client, name, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const request = { parent: name, pageSize: PAGE_SIZE, pageToken }
      const page = await client.call(ListRoles, request, { signal })
      return { items: page.roles, nextPageToken: page.nextPageToken }
    },
    [client, name],
  )
  return usePaged<Role>([...key, 'roles'], read)
}

/** Everything that a role can allow, by noun: it changes with a version, and not before. */
export function useCatalogue() {
  return useQuery({
    queryKey: ['permissions'],
    queryFn: async () => (await new Client().call(ListPermissions, { pageSize: PAGE_SIZE })).permissions,
    staleTime: Number.POSITIVE_INFINITY,
  })
}

/** "runs" with "runs.get", "runs.stop" and so on. */
export function byNoun(permissions: Permission[]): [noun: string, permissions: Permission[]][] {
  const groups = new Map<string, Permission[]>()
  for (const permission of permissions) {
    const noun = permission.permission.split('.', 1)[0] ?? ''
    groups.set(noun, [...(groups.get(noun) ?? []), permission])
  }
  return [...groups]
}
