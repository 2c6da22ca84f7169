// Triggers and webhooks of the project as they are now, what they did, and what arrived.
import {
  type Event,
  GetTrigger,
  GetWebhook,
  ListTriggerFirings,
  ListTriggers,
  ListWebhookDeliveries,
  ListWebhooks,
  type Trigger,
  type Webhook,
} from '@contract/workspace'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useProject } from '@/app/project'
import { useLiveItem } from '@/app/useLiveItem'
import { useLiveList } from '@/app/useLiveList'

const PAGE_SIZE = 100
const triggerOf = (event: Event) => event.trigger
const webhookOf = (event: Event) => event.webhook

export function useTriggers() {
  const { client, name: parent } = useProject()
  return useLiveList<Trigger>({
    key: ['triggers'],
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, pageToken }
      const { triggers, ...page } = await client.call(ListTriggers, request, { signal })
      return { ...page, items: triggers }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Trigger',
    itemOf: triggerOf,
  })
}

export function useWebhooks() {
  const { client, name: parent } = useProject()
  return useLiveList<Webhook>({
    key: ['webhooks'],
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, pageToken }
      const { webhooks, ...page } = await client.call(ListWebhooks, request, { signal })
      return { ...page, items: webhooks }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Webhook',
    itemOf: webhookOf,
  })
}

export function useTrigger(id: string) {
  const { client, name: project } = useProject()
  const name = `${project}/triggers/${id}`
  return useLiveItem<Trigger>(name, (signal) => client.call(GetTrigger, { name }, { signal }), triggerOf)
}

export function useWebhook(id: string) {
  const { client, name: project } = useProject()
  const name = `${project}/webhooks/${id}`
  return useLiveItem<Webhook>(name, (signal) => client.call(GetWebhook, { name }, { signal }), webhookOf)
}

/** Read anew with every change of the trigger: each firing is one. */
export function useTriggerFirings({ name, revision }: Trigger) {
  const { client, key } = useProject()
  return useInfiniteQuery({
    queryKey: [...key, 'trigger-firings', name, revision],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const request = { parent: name, pageSize: PAGE_SIZE, pageToken: pageParam }
      return client.call(ListTriggerFirings, request, { signal })
    },
    getNextPageParam: (page) => page.nextPageToken || undefined,
    placeholderData: (before) => before,
  })
}

/** Read anew with every change of the webhook: each delivery is one. */
export function useDeliveries({ name, revision }: Webhook) {
  const { client, key } = useProject()
  return useInfiniteQuery({
    queryKey: [...key, 'deliveries', name, revision],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const request = { parent: name, pageSize: PAGE_SIZE, pageToken: pageParam }
      return client.call(ListWebhookDeliveries, request, { signal })
    },
    getNextPageParam: (page) => page.nextPageToken || undefined,
    placeholderData: (before) => before,
  })
}
