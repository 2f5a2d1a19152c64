//! Content: what the gate's rules about content say of a patch, read beside the runtime's threads.

use crate::domain::gate::Finding;
use crate::domain::patch::Patch;
use crate::domain::pull::BaseFile;
use crate::weakening;

/// What the rules about content say of a patch; many of its languages take a while to read.
pub(super) async fn content_of(patch: Patch, base: Vec<BaseFile>) -> Vec<Finding> {
    let old: usize = base.iter().filter_map(|file| file.text.as_ref()).map(String::len).sum();
    let new = patch.changes().iter().filter_map(|change| change.new.as_ref());
    let bytes = old + new.map(|file| file.content.bytes().len()).sum::<usize>();
    let read = move || weakening::findings(&weakening::changes(patch.changes(), &base));
    super::beside::beside_if_long(bytes, read).await
}
