// Stacks, components and flavors of the workspace, as they are now.
import {
  type Component,
  type Event,
  type Flavor,
  GetComponent,
  GetFlavor,
  GetStack,
  ListComponents,
  ListFlavors,
  ListStacks,
  type Stack,
} from '@contract/workspace'
import { useEffect } from 'react'
import type { More } from '@/ui/VirtualTable'
import { useProject } from './project'
import { useLiveItem } from './useLiveItem'
import { useLiveList } from './useLiveList'

const PAGE_SIZE = 200
const stackOf = (event: Event) => event.stack
const componentOf = (event: Event) => event.component
const flavorOf = (event: Event) => event.flavor

export function useStacks(filter = '') {
  const { client } = useProject()
  return useLiveList<Stack>({
    key: ['stacks', filter],
    read: async (pageToken, signal) => {
      const request = { pageSize: PAGE_SIZE, filter, pageToken }
      const { stacks, ...page } = await client.call(ListStacks, request, { signal })
      return { ...page, items: stacks }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Stack',
    itemOf: stackOf,
  })
}

export function useStack(id: string) {
  const { client } = useProject()
  const name = `stacks/${id}`
  return useLiveItem<Stack>(name, (signal) => client.call(GetStack, { name }, { signal }), stackOf)
}

export function useComponents(filter = '') {
  const { client } = useProject()
  return useLiveList<Component>({
    key: ['components', filter],
    read: async (pageToken, signal) => {
      const request = { pageSize: PAGE_SIZE, filter, pageToken }
      const { components, ...page } = await client.call(ListComponents, request, { signal })
      return { ...page, items: components }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Component',
    itemOf: componentOf,
  })
}

export function useComponent(id: string) {
  const { client } = useProject()
  const name = `components/${id}`
  return useLiveItem<Component>(
    name,
    (signal) => client.call(GetComponent, { name }, { signal }),
    componentOf,
  )
}

export function useFlavors(filter = '') {
  const { client } = useProject()
  return useLiveList<Flavor>({
    key: ['flavors', filter],
    read: async (pageToken, signal) => {
      const request = { pageSize: PAGE_SIZE, filter, pageToken }
      const { flavors, ...page } = await client.call(ListFlavors, request, { signal })
      return { ...page, items: flavors }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Flavor',
    itemOf: flavorOf,
  })
}

export function useFlavor(id: string) {
  const { client } = useProject()
  const name = `flavors/${id}`
  return useLiveItem<Flavor>(name, (signal) => client.call(GetFlavor, { name }, { signal }), flavorOf)
}

/** All of a list, for what is looked up in it: there are hundreds at most. */
export function useWhole<T>({ items, more: { readOn } }: { items: T[]; more: More }): T[] {
  useEffect(readOn, [readOn])
  return items
}
