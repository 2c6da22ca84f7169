// Schedules of the project, as they are now, and what became of their times.
import {
  type Event,
  GetSchedule,
  ListScheduleFirings,
  ListSchedules,
  type Schedule,
} from '@contract/workspace'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useProject } from '@/app/project'
import { useLiveItem } from '@/app/useLiveItem'
import { useLiveList } from '@/app/useLiveList'

const PAGE_SIZE = 100
const scheduleOf = (event: Event) => event.schedule

export function useSchedules(filter: string) {
  const { client, name: parent } = useProject()
  return useLiveList<Schedule>({
    key: ['schedules', filter],
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, filter, pageToken }
      const { schedules, ...page } = await client.call(ListSchedules, request, { signal })
      return { ...page, items: schedules }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Schedule',
    itemOf: scheduleOf,
  })
}

export function useSchedule(id: string) {
  const { client, name: project } = useProject()
  const name = `${project}/schedules/${id}`
  return useLiveItem<Schedule>(name, (signal) => client.call(GetSchedule, { name }, { signal }), scheduleOf)
}

/** Read anew with every change of the schedule: each firing is one. */
export function useFirings({ name, revision }: Schedule) {
  const { client, key } = useProject()
  return useInfiniteQuery({
    queryKey: [...key, 'firings', name, revision],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      client.call(
        ListScheduleFirings,
        { parent: name, pageSize: PAGE_SIZE, pageToken: pageParam },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
    placeholderData: (before) => before,
  })
}
