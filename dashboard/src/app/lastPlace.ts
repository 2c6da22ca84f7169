const KEY = 'weft.place'

type Place = { workspace: string; project: string }

/** Where this browser was last. */
export function lastPlace(): Place | undefined {
  const [workspace, project] = (localStorage.getItem(KEY) ?? '').split('/')
  return workspace && project ? { workspace, project } : undefined
}

export function rememberPlace({ workspace, project }: Place): void {
  localStorage.setItem(KEY, `${workspace}/${project}`)
}
