// Schedules of the project, as they are now, and what became of their times.
import {
  type Event,
  GetSchedule,
  ListScheduleFirings,
  ListSchedules,
  type Schedule,
  type ScheduleFiring,
} from '@contract/workspace'
import { useProject } from '@/app/project'
import { useHistory } from '@/app/useHistory'
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

/** What became of its times, the newest first: each firing is a change of the schedule. */
export function useFirings({ name: parent }: Schedule) {
  const { client } = useProject()
  return useHistory<ScheduleFiring>({
    key: ['firings', parent],
    about: parent,
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, pageToken }
      const { firings, ...page } = await client.call(ListScheduleFirings, request, { signal })
      return { ...page, items: firings }
    },
  })
}
