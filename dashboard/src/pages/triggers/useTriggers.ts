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
  type TriggerFiring,
  type Webhook,
  type WebhookDelivery,
} from '@contract/workspace'
import { useProject } from '@/app/project'
import { useHistory } from '@/app/useHistory'
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

/** What it did, the newest first: each firing is a change of the trigger. */
export function useTriggerFirings({ name: parent }: Trigger) {
  const { client } = useProject()
  return useHistory<TriggerFiring>({
    key: ['trigger-firings', parent],
    about: parent,
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, pageToken }
      const { firings, ...page } = await client.call(ListTriggerFirings, request, { signal })
      return { ...page, items: firings }
    },
  })
}

/** What arrived, the newest first: each delivery is a change of the webhook. */
export function useDeliveries({ name: parent }: Webhook) {
  const { client } = useProject()
  return useHistory<WebhookDelivery>({
    key: ['deliveries', parent],
    about: parent,
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, pageToken }
      const { deliveries, ...page } = await client.call(ListWebhookDeliveries, request, { signal })
      return { ...page, items: deliveries }
    },
  })
}
