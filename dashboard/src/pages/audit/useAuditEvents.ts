import { GetServiceAccount, ListAuditEvents } from '@contract/controlplane'
import { useCallback } from 'react'
import type { Client } from '@/api/client'
import { useOrganization } from '@/app/organization'
import { subjectOf } from '@/app/subjects'
import { usePaged } from '@/app/usePaged'
import { filterOf, type Question } from './auditFilter'

export function useAuditEvents(question: Question) {
  const { client, name, key } = useOrganization()
  const asked = JSON.stringify(question)
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const question: Question = JSON.parse(asked)
      const filter = filterOf(question, await actorOf(client, name, question.who ?? ''))
      const request = { parent: name, pageSize: 100, pageToken, filter }
      const page = await client.call(ListAuditEvents, request, { signal })
      return { items: page.auditEvents, nextPageToken: page.nextPageToken }
    },
    [client, name, asked],
  )
  return usePaged([...key, 'audit', asked], read)
}

/** The subject as rows have it; what is neither an address nor an account is one already. */
async function actorOf(client: Client, organization: string, who: string): Promise<string> {
  if (who.includes('@')) return subjectOf(client, organization, who)
  if (!who.startsWith('sa:')) return who
  const account = `${organization}/serviceAccounts/${who.slice('sa:'.length)}`
  return `serviceAccounts/${(await client.call(GetServiceAccount, { name: account })).uid}`
}
