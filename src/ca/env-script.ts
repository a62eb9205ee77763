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

function shQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
