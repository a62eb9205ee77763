// The scripts that point a shell's docker at the gateway, with the bundle that they lie in. Pure.

/**
 * For sh and its family. bash, zsh and ksh can say where a script lies that is being read; a plain
 * POSIX sh cannot, so there the folder of its making stands in, then the current one.
 */
export function shEnvironment(host: string, folder: string): string {
  return `# Points docker at the gateway as this bundle's owner. Use: . ./env.sh
_dockgate=
if [ -n "\${BASH_VERSION:-}" ]; then
  eval '_dockgate=\${BASH_SOURCE[0]}'
elif [ -n "\${ZSH_VERSION:-}" ]; then
  eval '_dockgate=\${(%):-%x}'
elif [ -n "\${KSH_VERSION:-}" ]; then
  eval '_dockgate=\${.sh.file}' 2>/dev/null
fi
case "$_dockgate" in
  */*) _dockgate=$(CDPATH= cd -- "\${_dockgate%/*}" && pwd) ;;
  ?*) _dockgate=$PWD ;;
  *) _dockgate=${shQuote(folder)} ;;
esac
[ -f "$_dockgate/cert.pem" ] || _dockgate=$PWD
if [ -f "$_dockgate/cert.pem" ] && [ -f "$_dockgate/key.pem" ]; then
  export DOCKER_HOST=${shQuote(host)}
  export DOCKER_TLS_VERIFY=1
  export DOCKER_CERT_PATH="$_dockgate"
  unset DOCKER_CONTEXT _dockgate
else
  echo 'dockgate: env.sh cannot find its bundle; cd into its folder and try again' >&2
  unset _dockgate
  false
fi
`
}

export function fishEnvironment(host: string): string {
  return `# Points docker at the gateway as this bundle's owner. Use: source env.fish
set -gx DOCKER_HOST ${fishQuote(host)}
set -gx DOCKER_TLS_VERIFY 1
set -gx DOCKER_CERT_PATH (builtin cd (dirname (status --current-filename)); and pwd)
set -e DOCKER_CONTEXT
`
}

export function powerShellEnvironment(host: string): string {
  return `# Points docker at the gateway as this bundle's owner. Use: . ./env.ps1
$env:DOCKER_HOST = ${powerShellQuote(host)}
$env:DOCKER_TLS_VERIFY = '1'
$env:DOCKER_CERT_PATH = $PSScriptRoot
Remove-Item Env:DOCKER_CONTEXT -ErrorAction SilentlyContinue
`
}

function shQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function fishQuote(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}

function powerShellQuote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
