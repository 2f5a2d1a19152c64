//! The command line of bubblewrap: what a command sees.

use std::fs;
use std::path::{Path, PathBuf};

use super::environment::GIVEN;
use super::{BRIDGE_PROGRAM, BRIDGE_SOCKET, CommandSpec, HOME, Place, Sandbox, WORKSPACE};
use crate::domain::brief::Network;

/// What helps where bubblewrap is there but may not work.
pub(super) const HINT: &str = "\nSelfheal needs bubblewrap with unprivileged user namespaces. \
    Debian and Ubuntu: `apt-get install bubblewrap`; where AppArmor restricts namespaces (Ubuntu \
    24.04 and later): `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`; in a container: \
    run it with user namespaces allowed. To work without a sandbox, knowing what that means, say \
    `--sandbox none`.";

/// Parts of the real `/etc` that programs need to start and to check certificates.
const ETC: [&str; 10] = [
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ssl",
    "pki",
    "ca-certificates",
    "localtime",
    "mime.types",
    "java-17-openjdk",
];

/// bubblewrap's arguments, then those of the command itself.
pub(super) fn argv(
    sandbox: &Sandbox,
    place: &Place,
    spec: &CommandSpec,
    env: &[(String, String)],
    inner: Vec<String>,
) -> Vec<String> {
    let mut args = Args(vec![sandbox.wrapper.bwrap().display().to_string()]);
    // An own user namespace even for root: no capability of the machine, and none inside.
    args.words(&["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"]);
    args.words(&["--disable-userns", "--cap-drop", "ALL", "--hostname", "selfheal"]);
    args.words(&["--die-with-parent", "--new-session", "--clearenv"]);
    match spec.network {
        Network::Closed => {}
        Network::Open => args.words(&["--share-net"]),
    }
    system(&mut args);
    etc(&mut args, place, spec.network);
    args.words(&["--proc", "/proc", "--dev", "/dev"]);
    args.bind("--bind", &place.tmp(), Path::new("/tmp"));
    args.bind("--bind", &place.home(), Path::new(HOME));
    for dir in &sandbox.tools.directories {
        args.bind("--ro-bind", dir, dir);
    }
    cargo(&mut args, spec);
    if let Some(given) = &place.given {
        args.bind("--ro-bind", given, Path::new(GIVEN));
    }
    if let Some(bridge) = &spec.bridge {
        args.bind("--ro-bind", &bridge.program, Path::new(BRIDGE_PROGRAM));
        // Whoever may write to a socket may connect to it, so it is not mounted read-only.
        args.bind("--bind", &bridge.socket, Path::new(BRIDGE_SOCKET));
    }
    args.bind("--bind", &spec.workspace, Path::new(WORKSPACE));
    for extra in &spec.read_only {
        args.bind("--ro-bind", &extra.from, &Path::new(WORKSPACE).join(&extra.to));
    }
    // What is not mounted is the root of bubblewrap's own making; nothing needs to write there.
    args.words(&["--remount-ro", "/", "--chdir", WORKSPACE]);
    for (name, value) in env {
        args.words(&["--setenv", name, value]);
    }
    args.words(&["--"]);
    args.0.extend(inner);
    args.0
}

struct Args(Vec<String>);

impl Args {
    fn words(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(|word| (*word).to_owned()));
    }

    fn bind(&mut self, how: &str, from: &Path, to: &Path) {
        self.words(&[how, &from.display().to_string(), &to.display().to_string()]);
    }
}

/// `/usr`, and the old names of its parts as this machine has them.
fn system(args: &mut Args) {
    args.words(&["--ro-bind", "/usr", "/usr"]);
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let path = PathBuf::from("/").join(name);
        match fs::read_link(&path) {
            Ok(target) => {
                args.words(&["--symlink", &target.display().to_string(), &format!("/{name}")]);
            }
            Err(_) if path.is_dir() => args.bind("--ro-bind", &path, &path),
            Err(_) => {}
        }
    }
}

/// The crates that this machine has downloaded; their sources are unpacked anew by each command.
fn cargo(args: &mut Args, spec: &CommandSpec) {
    let Some(cargo_home) = spec.cargo_home.as_ref().filter(|_| spec.network == Network::Closed)
    else {
        return;
    };
    for name in ["registry/index", "registry/cache"] {
        let from = cargo_home.join(name);
        if from.is_dir() {
            args.bind("--ro-bind", &from, &Path::new(HOME).join(".cargo").join(name));
        }
    }
}

/// A small `/etc`: real where programs need it, made up where it would tell about the machine.
fn etc(args: &mut Args, place: &Place, network: Network) {
    for name in ETC {
        let path = Path::new("/etc").join(name);
        if path.exists() {
            args.bind("--ro-bind", &path, &path);
        }
    }
    let user = format!("selfheal:x:1000:1000::{HOME}:/bin/sh\n");
    let mut files = vec![
        ("passwd", format!("root:x:0:0:root:/root:/bin/sh\n{user}")),
        ("group", "root:x:0:\nselfheal:x:1000:\n".to_owned()),
        ("hosts", "127.0.0.1 localhost selfheal\n::1 localhost\n".to_owned()),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
    ];
    match network {
        Network::Closed => {}
        // It may be a link into a directory that is not seen inside, so its text is taken.
        Network::Open => {
            files.push(("resolv.conf", fs::read_to_string("/etc/resolv.conf").unwrap_or_default()));
        }
    }
    for (name, text) in files {
        let from = place.etc().join(name);
        if fs::write(&from, text).is_ok() {
            args.bind("--ro-bind", &from, &Path::new("/etc").join(name));
        }
    }
}
