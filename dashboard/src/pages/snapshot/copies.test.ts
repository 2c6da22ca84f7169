import { expect, test } from 'vitest'
import { asCommand, asCurl, asPython, type Wish } from './copies'

const WISH: Wish = {
  name: 'projects/vision/snapshots/k3f9',
  template: '',
  parameters: { rate: 0.1, name: "it's", digits: '5', layers: [1, 2] },
  stack: 'stacks/prod',
  cacheDisabled: true,
}
const PLACE = {
  address: 'https://weft.example.com/api/workspace/v1',
  origin: 'https://weft.example.com',
  workspace: 'organizations/acme/workspaces/default',
}

test('a command names what differs, and texts that look like numbers stay texts', () => {
  expect(asCommand(WISH)).toBe(
    [
      'WEFT_PROJECT=vision weft snapshots run k3f9',
      '-p rate=0.1',
      "-p 'name=it'\\''s'",
      '-p \'digits="5"\'',
      "-p 'layers=[1,2]'",
      '--stack prod',
      '--no-cache',
    ].join(' \\\n  '),
  )
})

test('a template is called by its name', () => {
  const wish = { ...WISH, template: 'nightly', parameters: {}, stack: '', cacheDisabled: false }
  expect(asCommand(wish)).toBe('WEFT_PROJECT=vision weft snapshots run nightly')
})

test('curl and Python send the very same request', () => {
  const body = '{"parameters":{},"stack":"stacks/prod","cacheDisabled":true}'
  const wish = { ...WISH, parameters: {} }
  const address = 'https://weft.example.com/api/workspace/v1/projects/vision/snapshots/k3f9:run'
  expect(asCurl(wish, PLACE)).toContain(`${address} \\`)
  expect(asCurl(wish, PLACE)).toContain(`-d '${body}'`)
  expect(asPython(wish, PLACE)).toContain(`address = "${address}"`)
  expect(asPython(wish, PLACE)).toContain(`json.loads(${JSON.stringify(body)})`)
})
