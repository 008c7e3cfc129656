/**
 * Tells the service manager which process is the server, where the unit is of `Type=notify` (`NOTIFY_SOCKET`). Spec:
 * sd_notify(3), systemd.service(5).
 */

/** Sends lines such as `READY=1`. Nothing comes of it where there is no manager, or no `systemd-notify`. */
export function announceToManager(lines: string): void {
  if (process.env['NOTIFY_SOCKET'] === undefined || Bun.which('systemd-notify') === null) return
  Bun.spawn(['systemd-notify', ...lines.split('\n')], { stdio: ['ignore', 'ignore', 'ignore'] })
}
