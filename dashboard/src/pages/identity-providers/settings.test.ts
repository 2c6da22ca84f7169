import { expect, test } from 'vitest'
import { maskOf, newSettingsOf, settingsOf } from './settings'

function form(fields: Record<string, string>): FormData {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) data.set(name, value)
  return data
}

test('a form says groups a line each, and a secret only where one was typed', () => {
  const settings = settingsOf(
    form({ scopes: ' openid  email', allowedGroups: 'a\n\n b ', groupMappings: 'cn=ml,dc=x = oncall' }),
    'organizations/o',
  )
  expect(settings).toMatchObject({
    scopes: ['openid', 'email'],
    allowedGroups: ['a', 'b'],
    groupMappings: [{ group: 'cn=ml,dc=x', team: 'organizations/o/teams/oncall' }],
  })
  expect(maskOf(settings)).not.toContain('clientSecret')
  expect(maskOf(settingsOf(form({ clientSecret: 's' }), 'organizations/o'))).toContain('clientSecret')
})

test('the issuer of GitHub may be left out', () => {
  expect(newSettingsOf(form({ issuer: '' }), 'organizations/o')).not.toHaveProperty('issuer')
})

test.each(['oncall', '= oncall', 'ml ='])('%j maps no group to a team', (line) => {
  expect(() => settingsOf(form({ groupMappings: line }), 'organizations/o')).toThrow('is not group = team')
})
