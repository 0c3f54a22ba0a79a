# shellcheck shell=bash
# The environment that builds and tests need; source it from the other scripts or a shell.
# Everything downloaded lies in HAYSTAT_CACHE_DIR, outside the tree. (HAYSTAT_CACHE would set the
# option `cache`.)

HAYSTAT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HAYSTAT_CACHE_DIR=${HAYSTAT_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/haystat}
export HAYSTAT_ROOT HAYSTAT_CACHE_DIR

case ":$PATH:" in
*":$HAYSTAT_CACHE_DIR/node/bin:"*) ;;
*) PATH=$HAYSTAT_CACHE_DIR/venv/bin:$HAYSTAT_CACHE_DIR/node/bin:$PATH ;;
esac
export PATH

for hs_dir in "$HAYSTAT_CACHE_DIR"/deps/usr/lib/*/pkgconfig; do
    [ -d "$hs_dir" ] || continue
    case ":${PKG_CONFIG_PATH:-}:" in
    *":$hs_dir:"*) ;;
    *) PKG_CONFIG_PATH=$hs_dir${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH} ;;
    esac
    export PKG_CONFIG_PATH
done
unset hs_dir

# Where Node looks for the packages of tests/e2e/node.
export NODE_PATH=$HAYSTAT_CACHE_DIR/npm/node_modules
export HAYSTAT_NODE_MODULES=$NODE_PATH

# Node trusts the certificate authorities that the system trusts, as apt and curl do.
export NODE_USE_SYSTEM_CA=${NODE_USE_SYSTEM_CA:-1}
