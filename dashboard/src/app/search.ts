/** Reads the named texts of an address' query; anything else in it is dropped. */
export function texts<K extends string>(...names: K[]) {
  return (search: Record<string, unknown>): { [name in K]?: string } => {
    const given = names.filter((name) => typeof search[name] === 'string' && search[name] !== '')
    return Object.fromEntries(given.map((name) => [name, search[name]])) as { [name in K]?: string }
  }
}
