import { RunSnapshot, ValidateSnapshotRun } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import type { Problems } from '@/ui/SchemaForm'
import type { Wish } from './copies'

const route = getRouteApi('/w/$workspace/p/$project/snapshots/$snapshot')
const NONE: Problems = new Map()

/** Starts a run, and goes to it; or answers everything that speaks against it, by field. */
export function useStart() {
  const { client } = useProject()
  const navigate = route.useNavigate()
  const [problems, setProblems] = useState(NONE)
  const start = useMutation({
    mutationFn: async ({ name, parameters, stack, cacheDisabled }: Wish) => {
      const checked = await client.call(ValidateSnapshotRun, { name, parameters, stack })
      setProblems(new Map(checked.problems.map(({ field, reason, message }) => [field || reason, message])))
      if (checked.problems.length > 0) return
      const run = await client.call(RunSnapshot, { name, parameters, stack, cacheDisabled })
      await navigate({
        to: '/w/$workspace/p/$project/runs/$run',
        params: (now) => ({ ...now, run: idOf(run.name) }),
        search: {},
      })
    },
  })
  return { ...start, problems }
}
