import { ListRuns, type Run } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { type Course, courseOf } from './course'

// Of so many a few succeeded, unless what to expect is not the question.
const READ = 30

/** The run among those of its pipeline before it, as they were when it was opened. */
export function useCourse(run: Run): Course {
  const { client, key, name: parent } = useProject()
  const filter = `pipeline = ${idOf(run.pipeline)} create_time < "${run.createTime}"`
  const before = useQuery({
    queryKey: [...key, 'runs before', run.name],
    queryFn: ({ signal }) => client.call(ListRuns, { parent, filter, pageSize: READ }, { signal }),
    enabled: !!run.pipeline,
  })
  return useMemo(() => courseOf(before.data?.runs ?? []), [before.data])
}
