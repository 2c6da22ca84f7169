// Links from the names of resources to their pages.
import { Link, useParams } from '@tanstack/react-router'
import { idOf } from '@/api/session'

type Props = { name: string; isRow?: boolean }

function usePlace() {
  return useParams({ from: '/w/$workspace/p/$project' })
}

/** "model@3" of "projects/p/artifacts/model/versions/3", and to its page. */
export function VersionLink({ name, isRow = false }: Props) {
  const place = usePlace()
  const { artifact, version } = partsOf(name)
  return (
    <Link
      to="/w/$workspace/p/$project/artifacts/$artifact/versions/$version"
      params={{ ...place, artifact, version }}
      className="cut mono"
      data-row={isRow ? '' : undefined}
    >
      {artifact}@{version}
    </Link>
  )
}

/** "brave-otter-1 / train" of "projects/p/runs/brave-otter-1/steps/train", and to the step in its run. */
export function StepLink({ name }: Props) {
  const place = usePlace()
  const [, , , run = '', , step = ''] = name.split('/')
  return (
    <Link
      to="/w/$workspace/p/$project/runs/$run"
      params={{ ...place, run }}
      search={{ step }}
      className="cut mono"
    >
      {run} / {step}
    </Link>
  )
}

/** "fraud@3" of "projects/p/models/fraud/versions/3", and to its page. */
export function ModelVersionLink({ name, isRow = false }: Props) {
  const place = usePlace()
  const { artifact: model, version } = partsOf(name)
  return (
    <Link
      to="/w/$workspace/p/$project/models/$model/versions/$version"
      params={{ ...place, model, version }}
      className="cut mono"
      data-row={isRow ? '' : undefined}
    >
      {model}@{version}
    </Link>
  )
}

/** A run by its id, and to its page. */
export function RunIdLink({ name }: Props) {
  const run = idOf(name)
  return (
    <Link to="/w/$workspace/p/$project/runs/$run" params={{ ...usePlace(), run }} className="cut mono">
      {run}
    </Link>
  )
}

/** The version's artifact and number: "model" and "3". */
export function partsOf(name: string): { artifact: string; version: string } {
  const [, , , artifact = '', , version = ''] = name.split('/')
  return { artifact, version }
}
