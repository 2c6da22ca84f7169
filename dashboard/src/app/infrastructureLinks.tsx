// Links to what belongs to the workspace.
import { Link, useParams } from '@tanstack/react-router'
import { idOf } from '@/api/session'

type Props = { name: string; label?: string; isRow?: boolean }

export function StackLink({ name, label, isRow = false }: Props) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const stack = idOf(name)
  return (
    <Link
      to="/w/$workspace/stacks/$stack"
      params={{ workspace, stack }}
      className="cut"
      data-row={isRow ? '' : undefined}
    >
      {label || stack}
    </Link>
  )
}

export function ComponentLink({ name, label, isRow = false }: Props) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const component = idOf(name)
  return (
    <Link
      to="/w/$workspace/components/$component"
      params={{ workspace, component }}
      className="cut"
      data-row={isRow ? '' : undefined}
    >
      {label || component}
    </Link>
  )
}

export function FlavorLink({ name, label, isRow = false }: Props) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const flavor = idOf(name)
  return (
    <Link
      to="/w/$workspace/flavors/$flavor"
      params={{ workspace, flavor }}
      className="cut"
      data-row={isRow ? '' : undefined}
    >
      {label || flavor}
    </Link>
  )
}

export function ConnectorLink({ name, label, isRow = false }: Props) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const connector = idOf(name)
  return (
    <Link
      to="/w/$workspace/connectors/$connector"
      params={{ workspace, connector }}
      className="cut"
      data-row={isRow ? '' : undefined}
    >
      {label || connector}
    </Link>
  )
}

export function SecretLink({ name, label, isRow = false }: Props) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const secret = idOf(name)
  return (
    <Link
      to="/w/$workspace/secrets/$secret"
      params={{ workspace, secret }}
      className="cut"
      data-row={isRow ? '' : undefined}
    >
      {label || secret}
    </Link>
  )
}
