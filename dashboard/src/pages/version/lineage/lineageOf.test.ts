import type { ArtifactVersion, LineageEdge } from '@contract/workspace'
import { expect, test } from 'vitest'
import { lineageOf } from './lineageOf'

const data = 'projects/p/artifacts/data/versions/1'
const model = 'projects/p/artifacts/model/versions/2'
const train = 'projects/p/runs/r/steps/train'
const version = (name: string) => ({ name, alias: '' }) as ArtifactVersion
const edge = (artifactVersion: string, input: string, output: string): LineageEdge => ({
  step: train,
  artifactVersion,
  input,
  output,
})

test('a step stands between what it took and what it made, each after what it comes from', () => {
  const { nodes, edges } = lineageOf(
    [version(model), version(data)],
    [edge(model, '', 'output'), edge(data, 'rows', ''), edge(data, 'again', '')],
  )
  expect(nodes.map(({ label }) => label)).toEqual(['data@1', 'train', 'model@2'])
  expect(edges.map(({ source, target }) => [source, target])).toEqual([
    [train, model],
    [data, train],
  ])
})

test('an edge of a version that is not there leads nowhere', () => {
  expect(lineageOf([version(model)], [edge(data, 'rows', '')]).edges).toEqual([])
})
