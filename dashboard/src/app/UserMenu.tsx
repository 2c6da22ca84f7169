import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { signOut } from '@/api/session'
import { Button } from '@/ui/Button'
import { Icon } from '@/ui/Icon'
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuLine } from '@/ui/Menu'
import { useSession } from './SessionGate'
import css from './shell.module.css'
import { setTheme, THEME_LABELS, THEMES, useTheme } from './theme'

export function UserMenu() {
  const { user } = useSession()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const theme = useTheme()
  const name = user.displayName || user.email

  async function leave(everywhere: boolean) {
    await signOut(everywhere)
    // Whoever signs in next must see nothing of this one.
    queries.clear()
    location.assign(document.baseURI)
  }

  const trigger = (
    <Button kind="quiet" className={css.user} aria-label={`Account of ${name}`}>
      <Icon name="user" />
      <span className="cut">{name}</span>
    </Button>
  )
  return (
    <Menu trigger={trigger} side="top">
      <MenuLabel>{user.email}</MenuLabel>
      <MenuItem onSelect={() => void navigate({ to: '/account/profile' })}>Your account</MenuItem>
      <MenuLine />
      <MenuLabel>Colours</MenuLabel>
      <MenuChoice
        value={theme}
        onChoose={setTheme}
        choices={THEMES.map((each) => [each, THEME_LABELS[each]] as const)}
      />
      <MenuLine />
      <MenuItem onSelect={() => leave(false)}>Sign out</MenuItem>
      <MenuItem onSelect={() => leave(true)}>Sign out everywhere</MenuItem>
    </Menu>
  )
}
