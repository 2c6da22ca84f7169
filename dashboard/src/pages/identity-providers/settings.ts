// A provider's settings as a form has them, and as requests do.
import type { GroupMapping, IdentityProvider, IdentityProviderKind, JoinPolicy } from '@contract/controlplane'
import { idOf } from '@/api/session'

const MUTABLE = 'displayName,clientId,scopes,groupsClaim,allowedGroups,joinPolicy,groupMappings'

/** Of a form: what can be changed later. An empty secret says nothing of the one that is kept. */
export function settingsOf(form: FormData, organization: string) {
  const text = (field: string) => String(form.get(field) ?? '').trim()
  const clientSecret = text('clientSecret')
  return {
    displayName: text('displayName'),
    clientId: text('clientId'),
    scopes: text('scopes').split(/\s+/).filter(Boolean),
    groupsClaim: text('groupsClaim'),
    allowedGroups: linesOf(text('allowedGroups')),
    joinPolicy: text('joinPolicy') as JoinPolicy,
    groupMappings: linesOf(text('groupMappings')).map((line) => mappingOf(line, organization)),
    ...(clientSecret ? { clientSecret } : {}),
  }
}

/** And what is said once, as it is made. */
export function newSettingsOf(form: FormData, organization: string) {
  const issuer = String(form.get('issuer')).trim()
  const kind = String(form.get('kind')) as IdentityProviderKind
  return { ...settingsOf(form, organization), kind, ...(issuer ? { issuer } : {}) }
}

export function maskOf(settings: ReturnType<typeof settingsOf>): string {
  return settings.clientSecret ? `${MUTABLE},clientSecret` : MUTABLE
}

/** "ml-eng = oncall" of each group and its team, one a line. */
export function mappingsInWords({ groupMappings }: IdentityProvider): string {
  return groupMappings.map(({ group, team }) => `${group} = ${idOf(team)}`).join('\n')
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}

/** Raises where a line names no group and team; a group may hold "=", a team does not. */
export function mappingOf(line: string, organization: string): GroupMapping {
  const at = line.lastIndexOf('=')
  const group = line.slice(0, Math.max(at, 0)).trim()
  const team = line.slice(at + 1).trim()
  if (!group || !team) throw new Error(`“${line}” is not group = team`)
  return { group, team: `${organization}/teams/${team}` }
}
