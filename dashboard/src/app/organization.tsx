// What every page of an organization has: a client of the control plane, and what the user may do in it.

import { TestPermissions } from '@contract/controlplane'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useMemo } from 'react'
import { Client } from '@/api/client'
import { idOf, type Organization } from '@/api/session'
import { type May, mayOf } from './may'

/** Verbs that pages and buttons of organizations ask for; what needs another adds it here. */
const VERBS = [
  'apiKeys.create',
  'apiKeys.delete',
  'apiKeys.list',
  'apiKeys.rotate',
  'auditEvents.export',
  'auditEvents.list',
  'auditEvents.verify',
  'federatedCredentials.create',
  'federatedCredentials.delete',
  'federatedCredentials.list',
  'identityProviders.create',
  'identityProviders.delete',
  'identityProviders.list',
  'identityProviders.test',
  'identityProviders.update',
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
  'organizations.get',
  'organizations.update',
  'personalAccessTokens.list',
  'personalAccessTokens.revoke',
  'roleBindings.create',
  'roleBindings.delete',
  'roleBindings.list',
  'roles.create',
  'roles.delete',
  'roles.list',
  'roles.update',
  'serviceAccounts.create',
  'serviceAccounts.delete',
  'serviceAccounts.disable',
  'serviceAccounts.enable',
  'serviceAccounts.list',
  'serviceAccounts.update',
  'teamMembers.add',
  'teamMembers.list',
  'teamMembers.remove',
  'teams.create',
  'teams.delete',
  'teams.list',
  'teams.update',
  'trustedDomains.add',
  'trustedDomains.list',
  'trustedDomains.remove',
  'trustedDomains.verify',
  'workspaces.create',
  'workspaces.delete',
  'workspaces.deregister',
  'workspaces.list',
  'workspaces.register',
  'workspaces.resume',
  'workspaces.suspend',
  'workspaces.update',
  'workspaces.upgrade',
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
export function useMayIn(organization: string): May<OrganizationVerb> {
  const held = useQuery({
    queryKey: ['organization', organization, 'permissions'],
    queryFn: async () => {
      const request = { resource: organization, permissions: [...VERBS] }
      return (await new Client().call(TestPermissions, request)).permissions
    },
    enabled: !!organization,
    staleTime: 5 * 60_000,
  })
  const { data, error, refetch } = held
  return useMemo(() => mayOf({ data, error, refetch }), [data, error, refetch])
}

export function useMayHere(): May<OrganizationVerb> {
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
