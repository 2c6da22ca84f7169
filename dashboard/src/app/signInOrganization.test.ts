import { expect, test } from 'vitest'
import { organizationIn } from './signInOrganization'

test.each(['/o/acme', '/o/acme/members', '/o/acme?q=x', '/o/acme#x'])('%j is of acme', (path) =>
  expect(organizationIn(path)).toBe('acme'),
)

test.each(['/', '/o/', '/o/%2e%2e', '/w/o/acme', '/device?organization=acme'])('%j is of none', (path) =>
  expect(organizationIn(path)).toBeUndefined(),
)
