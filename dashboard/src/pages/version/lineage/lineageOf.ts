// Lineage as it is drawn: versions, and the steps that took and made them, each a box.
import type { ArtifactVersion, LineageEdge } from '@contract/workspace'
import type { Graph, GraphEdge } from '@/ui/graph/useLayout'

export type LineageNode = { id: string; isStep: boolean; label: string; detail: string }

export function lineageOf(versions: ArtifactVersion[], edges: LineageEdge[]): Graph<LineageNode> {
  const known = new Set(versions.map(({ name }) => name))
  const lines = new Map<string, GraphEdge>()
  const steps = new Set<string>()
  for (const { step, artifactVersion, input } of edges) {
    if (!known.has(artifactVersion)) continue
    steps.add(step)
    const [source, target] = input ? [artifactVersion, step] : [step, artifactVersion]
    const id = `${source}>${target}`
    lines.set(id, { id, source, target })
  }
  const nodes = [...versions.map(versionNode), ...[...steps].map(stepNode)]
  const found = [...lines.values()]
  return { nodes: inOrder(nodes, found), edges: found }
}

function versionNode({ name, alias }: ArtifactVersion): LineageNode {
  const [, , , artifact, , version] = name.split('/')
  return { id: name, isStep: false, label: `${artifact}@${version}`, detail: alias || 'Version' }
}

function stepNode(name: string): LineageNode {
  const [, , , run = '', , step = ''] = name.split('/')
  return { id: name, isStep: true, label: step, detail: run }
}

/** Each after all that it comes from, as the layout of large graphs wants it. */
function inOrder(nodes: LineageNode[], edges: GraphEdge[]): LineageNode[] {
  const waits = new Map(nodes.map(({ id }) => [id, 0]))
  const targets = new Map<string, string[]>(nodes.map(({ id }) => [id, []]))
  for (const { source, target } of edges) {
    waits.set(target, (waits.get(target) ?? 0) + 1)
    targets.get(source)?.push(target)
  }
  const ready = nodes.filter(({ id }) => waits.get(id) === 0).map(({ id }) => id)
  // It grows while it is gone through.
  for (const id of ready) {
    for (const target of targets.get(id) ?? []) {
      const left = (waits.get(target) ?? 0) - 1
      waits.set(target, left)
      if (left === 0) ready.push(target)
    }
  }
  const place = new Map(ready.map((id, at) => [id, at]))
  const placeOf = ({ id }: LineageNode) => place.get(id) ?? nodes.length
  return nodes.toSorted((a, b) => placeOf(a) - placeOf(b))
}
