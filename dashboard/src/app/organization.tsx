// What every page of an organization has: a client of the control plane, and what the user may do in it.

import { TestPermissions } from '@contract/controlplane'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useMemo } from 'react'
import { Client } from '@/api/client'
import { idOf, type Organization } from '@/api/session'

/** Verbs that pages and buttons of organizations ask for; what needs another adds it here. */
const VERBS = [
  'invitations.create',
  'invitations.list',
  'invitations.resend',
  'invitations.revoke',
  'members.deactivate',
  'members.erase',
  'members.list',
  'members.reactivate',
  'members.recover',
  'members.remove',
  'roleBindings.create',
  'roleBindings.delete',
  'roleBindings.list',
  'roles.create',
  'roles.delete',
  'roles.list',
  'roles.update',
  'serviceAccounts.list',
  'teamMembers.add',
  'teamMembers.list',
  'teamMembers.remove',
  'teams.create',
  'teams.delete',
  'teams.list',
  'teams.update',
] as const
export type OrganizationVerb = (typeof VERBS)[number]

export type OrganizationScope = {
  /** "acme" of "organizations/acme". */
  id: string
  name: string
  displayName: string
  client: Client
  /** The first part of the key of every query of this organization: no two share an answer. */
  key: readonly ['organization', string]
}

const OrganizationContext = createContext<OrganizationScope | null>(null)

export function useOrganization(): OrganizationScope {
  const organization = useContext(OrganizationContext)
  if (!organization) throw new Error('there is no organization outside of OrganizationProvider')
  return organization
}

export function OrganizationProvider({ of, children }: { of: Organization; children: ReactNode }) {
  const { name, displayName } = of
  const scope = useMemo<OrganizationScope>(
    () => ({ id: idOf(name), name, displayName, client: new Client(), key: ['organization', name] }),
    [name, displayName],
  )
  return <OrganizationContext value={scope}>{children}</OrganizationContext>
}

/** Which pages and buttons of an organization to show: a verb that is not held there is not offered. */
export function useMayIn(organization: string): (verb: OrganizationVerb) => boolean {
  const held = useQuery({
    queryKey: ['organization', organization, 'permissions'],
    queryFn: async () => {
      const request = { resource: organization, permissions: [...VERBS] }
      return (await new Client().call(TestPermissions, request)).permissions
    },
    enabled: !!organization,
    staleTime: 5 * 60_000,
  })
  const verbs = useMemo(() => new Set(held.data), [held.data])
  return (verb) => verbs.has(verb)
}

export function useMayHere(): (verb: OrganizationVerb) => boolean {
  return useMayIn(useOrganization().name)
}

/** A change of the organization, after which everything shown of it is read anew. */
export function useChange<V, A>(change: (wish: V) => Promise<A>) {
  const queries = useQueryClient()
  const { key } = useOrganization()
  return useMutation({
    mutationFn: change,
    onSuccess: () => void queries.invalidateQueries({ queryKey: key }),
  })
}
