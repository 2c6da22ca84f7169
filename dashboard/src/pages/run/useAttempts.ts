import { ListStepAttempts, type Step } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { useProject } from '@/app/project'

/** The attempts at a step, the newest first. */
export function useAttempts(step: Step, isWanted = true) {
  const { client, key } = useProject()
  return useQuery({
    // Read anew with every change of the step: attempts have no events of their own.
    queryKey: [...key, 'attempts', step.name, step.revision],
    queryFn: async ({ signal }) =>
      (await client.call(ListStepAttempts, { parent: step.name }, { signal })).stepAttempts.reverse(),
    placeholderData: (before) => before,
    enabled: isWanted,
  })
}
