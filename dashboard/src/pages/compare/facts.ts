// What a run was made of and what came out, as facts that can be laid beside those of others.
import type { JsonValue } from '@contract/method'
import type { PythonEnvironment, Run, Step } from '@contract/workspace'
import { idOf } from '@/api/session'

export const SECTIONS = ['Run', 'Parameters', 'Code', 'Environment', 'Metrics', 'Steps', 'Artifacts'] as const
export type Section = (typeof SECTIONS)[number]

/** A fact of one run; `hash` is that of a version's bytes, empty where nobody may know it. */
export type Cell =
  | { kind: 'value'; value: JsonValue }
  | { kind: 'state'; state: string }
  | { kind: 'took'; start: string; end: string }
  | { kind: 'version'; name: string; hash: string }
export type Facts = ReadonlyMap<Section, ReadonlyMap<string, Cell>>

/** What counts of a snapshot: its commit, its archive, the hash of each step's source, shortened, and where it was made. */
export type Code = {
  commit: string
  archive: string
  steps: [id: string, hash: string][]
  environment?: PythonEnvironment | undefined
}

/** What was read beside the run; absent where it is still being read, or is not for everybody. */
export type Beside = { steps?: Step[]; code?: Code; hashOf?: (version: string) => string }

export const HASH_SHOWN = 12

/** In the words, and in each section in the order, of `weft runs compare`. */
export function factsOf(run: Run, { steps = [], code, hashOf }: Beside = {}): Facts {
  return new Map<Section, Map<string, Cell>>([
    ['Run', new Map(ofRun(run))],
    ['Parameters', new Map(ofValues(run.parameters))],
    ['Code', new Map(ofCode(run, code))],
    ['Environment', new Map(ofEnvironment(run, code))],
    ['Metrics', new Map(ofValues(run.metadata))],
    ['Steps', new Map(steps.flatMap(ofStep))],
    ['Artifacts', new Map(hashOf && steps.flatMap((step) => ofOutputs(step, hashOf)))],
  ])
}

type Named = [name: string, cell: Cell]

function ofRun(run: Run): Named[] {
  return [
    ['state', { kind: 'state', state: run.state }],
    ['pipeline', valueCell(idOf(run.pipeline))],
    ['took', { kind: 'took', start: run.startTime ?? '', end: run.endTime ?? '' }],
  ]
}

function ofValues(values: Run['parameters'], prefix = ''): Named[] {
  return Object.entries(values ?? {})
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => [prefix + name, valueCell(value)])
}

function ofCode(run: Run, code?: Code): Named[] {
  const snapshot: Named[] = run.snapshot ? [['snapshot', valueCell(idOf(run.snapshot))]] : []
  if (!code) return snapshot
  return [
    ...(code.commit ? [['commit', valueCell(code.commit)] as Named] : []),
    ...snapshot,
    ...(code.archive ? [['archive', valueCell(code.archive)] as Named] : []),
    ...code.steps.map(([id, hash]): Named => [`code of ${id}`, valueCell(hash)]),
  ]
}

function ofEnvironment({ stack, environment: own }: Run, code?: Code): Named[] {
  const given: Named[] = []
  // Who executes a run themselves tells of theirs; others are to have that of the snapshot.
  const environment = own ?? code?.environment
  if (stack) given.push(['stack', valueCell(idOf(stack))])
  if (environment?.version) given.push(['python', valueCell(environment.version)])
  for (const line of environment?.requirements ?? []) {
    const [name = '', version] = line.split(/==(.*)/s)
    given.push([`requires ${name}`, valueCell(version ?? line)])
  }
  return given
}

function ofStep(step: Step): Named[] {
  return [[step.stepId, { kind: 'state', state: step.state }], ...ofValues(step.metadata, `${step.stepId}: `)]
}

function ofOutputs(step: Step, hashOf: (version: string) => string): Named[] {
  return Object.entries(step.outputs).map(([output, name]) => [
    `${step.stepId} / ${output}`,
    { kind: 'version', name, hash: hashOf(name) },
  ])
}

function valueCell(value: JsonValue): Cell {
  return { kind: 'value', value }
}
