// Whom roles and teams are given to, as people write and read them.

import { ListMembers, ListServiceAccounts, type Member, type ServiceAccount } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Client } from '@/api/client'
import { idOf } from '@/api/session'
import { useMayHere, useOrganization } from './organization'

const PAGE_SIZE = 500

export type Directory = {
  /** How people call a subject: an address, "sa:pager" or "team:oncall", as the command line does. */
  wordsOf: (subject: string) => string
  /** All that can be proposed, in such words. */
  proposals: string[]
}

/** The people and service accounts of the organization; of very many, the first ones. */
export function useDirectory(): Directory {
  const { client, name, key } = useOrganization()
  const may = useMayHere()
  const members = useQuery({
    queryKey: [...key, 'directory'],
    queryFn: async ({ signal }) =>
      (await client.call(ListMembers, { parent: name, pageSize: PAGE_SIZE }, { signal })).members,
    enabled: may('members.list'),
  })
  const accounts = useQuery({
    queryKey: [...key, 'service-accounts'],
    queryFn: async ({ signal }) =>
      (await client.call(ListServiceAccounts, { parent: name, pageSize: PAGE_SIZE }, { signal }))
        .serviceAccounts,
    enabled: may('serviceAccounts.list'),
  })
  return useMemo(() => directoryOf(members.data ?? [], accounts.data ?? []), [members.data, accounts.data])
}

function directoryOf(members: Member[], accounts: ServiceAccount[]): Directory {
  const people = new Map(members.map((member) => [member.user, member.email || member.displayName]))
  return {
    wordsOf: (subject) => people.get(subject) || shortSubject(subject),
    proposals: [...people.values(), ...accounts.map(({ name }) => shortSubject(name))].filter(Boolean),
  }
}

function shortSubject(subject: string): string {
  if (subject.includes('/serviceAccounts/')) return `sa:${idOf(subject)}`
  if (subject.includes('/teams/')) return `team:${idOf(subject)}`
  return idOf(subject)
}

const KINDS: Record<string, string> = {
  organizations: 'organization',
  workspaces: 'workspace',
  projects: 'project',
}

/** "project demo in workspace lab", of the name of anything in an organization. */
export function placeInWords(resource: string): string {
  const [, , , workspace, ...rest] = resource.split('/')
  const [collection = '', id = ''] = resource.split('/').slice(-2)
  const words = `${KINDS[collection] ?? collection} ${id}`
  return rest.length > 0 ? `${words} in workspace ${workspace}` : words
}

/** The subject that somebody wrote; raises where there is no such person. */
export async function subjectOf(client: Client, organization: string, written: string): Promise<string> {
  const [, kind, id] = written.match(/^(sa|team):(.+)$/) ?? []
  if (kind) return `${organization}/${kind === 'sa' ? 'serviceAccounts' : 'teams'}/${id}`
  const filter = `email = ${JSON.stringify(written.trim().toLowerCase())}`
  const { members } = await client.call(ListMembers, { parent: organization, pageSize: 1, filter })
  if (!members[0]) throw new Error(`nobody with the address ${written} belongs to the organization`)
  return members[0].user
}
