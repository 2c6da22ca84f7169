import { getRouteApi } from '@tanstack/react-router'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')

/** Opens a step beside the others. */
export function useOpenStep(): (stepId: string) => void {
  const navigate = route.useNavigate()
  return (stepId) => void navigate({ search: (now) => ({ ...now, step: stepId }) })
}
