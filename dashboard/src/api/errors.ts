import type { Json, Status } from '@contract/method'

/** What a server refused, with the id under which its log has it. */
export class ApiError extends Error {
  override name = 'ApiError'

  constructor(
    readonly httpStatus: number,
    readonly status: Status,
    readonly requestId: string,
  ) {
    super(status.message)
  }

  get code(): number {
    return this.status.code
  }

  /** Such as `RESOURCE_IN_USE`; empty where the server gave none. */
  get reason(): string {
    const reason = this.detail('google.rpc.ErrorInfo')?.reason
    return typeof reason === 'string' ? reason : ''
  }

  /** What the server adds to the reason, such as `firstOffset`. */
  metadata(key: string): string | undefined {
    const metadata = this.detail('google.rpc.ErrorInfo')?.metadata
    if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return undefined
    const value = metadata[key]
    return typeof value === 'string' ? value : undefined
  }

  detail(type: string): Json | undefined {
    return this.status.details?.find((detail) => detail['@type'].endsWith(type))
  }
}

/** Codes of google.rpc.Code that the page tells apart. */
export const Code = {
  notFound: 5,
  permissionDenied: 7,
  outOfRange: 11,
  unavailable: 14,
  unauthenticated: 16,
} as const

export function isCode(error: unknown, code: number): boolean {
  return error instanceof ApiError && error.code === code
}

/** The error that a response says; of something in between, where it is none of ours. */
export async function errorOf(response: Response): Promise<ApiError> {
  const requestId = response.headers.get('x-request-id') ?? ''
  const fallback: Status = { code: 2, message: `the server answered ${response.status}` }
  const status: unknown = await response.json().catch(() => fallback)
  return new ApiError(response.status, isStatus(status) ? status : fallback, requestId)
}

/** The error where no answer came at all. */
export function unreachable(): ApiError {
  return new ApiError(0, { code: Code.unavailable, message: 'the server cannot be reached' }, '')
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value
}
