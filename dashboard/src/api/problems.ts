// What a server says is wrong, by the field that it is wrong with.
import { ApiError } from './errors'

/** What is wrong, by the path of the field: "component.config.bucket". */
export type Problems = ReadonlyMap<string, string>

const NONE: Problems = new Map()

/** The field violations of a refusal; none where it is about something else. */
export function problemsOf(error: unknown): Problems {
  const found = error instanceof ApiError ? error.detail('google.rpc.BadRequest')?.fieldViolations : undefined
  if (!Array.isArray(found)) return NONE
  return new Map(
    found.flatMap((each) => (isViolation(each) ? [[each.field, sentence(each.description)]] : [])),
  )
}

function isViolation(value: unknown): value is { field: string; description: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'field' in value &&
    typeof value.field === 'string' &&
    'description' in value &&
    typeof value.description === 'string'
  )
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`.replace(/\.\.$/, '.')
}
