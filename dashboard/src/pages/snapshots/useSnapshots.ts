// Snapshots of the project, the newest first, as they are now.
import { type Event, ListSnapshots, type Snapshot } from '@contract/workspace'
import { useProject } from '@/app/project'
import { useLiveList } from '@/app/useLiveList'

const PAGE_SIZE = 100
const snapshotOf = (event: Event) => event.snapshot

export function useSnapshots(filter: string) {
  const { client, name: parent } = useProject()
  return useLiveList<Snapshot>({
    key: ['snapshots', filter],
    read: async (pageToken, signal) => {
      const request = { parent, pageSize: PAGE_SIZE, filter, pageToken }
      const { snapshots, ...page } = await client.call(ListSnapshots, request, { signal })
      return { ...page, items: snapshots }
    },
    concerns: (event) => event.resourceType === 'weft.dev/Snapshot',
    itemOf: snapshotOf,
  })
}
