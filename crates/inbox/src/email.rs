//! Conversations by mail: how a workspace takes mail, mail that comes in, answers that go out, and how far they got.
//!
//! Mail comes as reports of a provider, whose signature the gateway has checked ([`inbound`]). It finds its conversation by the
//! signed address that it answers to ([`opencom_mail::alias`]), by the ids of the mails that it answers, or by subject and sender, always
//! within one workspace. Each mail is taken in once, and every one leaves a row that says what became of it. An answer is a
//! message that says how far its mail got ([`outbound`]). What agents write in a conversation by mail becomes mail by a hook on
//! posting ([`hook`]); nothing that posts messages knows of it.

mod compose;
mod delivery;
mod fetched;
mod files;
pub(crate) mod hook;
mod inbound;
mod jobs;
mod outbound;
pub(crate) mod queries;
mod reply;
pub(crate) mod rows;
pub(crate) mod store;

use std::sync::Arc;

use opencom_contract::email_channel::{
    EmailConfig, GetEmailConfig, InternalNoteDelivery, InternalReceive, Received, SendEmailReply, SentReply,
    UpsertEmailConfig,
};
use opencom_core::id::EmailConfigId;
use opencom_core::{Error, Permission, Result};
use opencom_mail::webhook;
use opencom_runtime::{ActionCx, Handle, MutationCx, Perform, QueryCx, Registry};

pub use self::delivery::DropEarlyReports;
pub use self::files::{DropUnclaimedFiles, FetchFiles};
pub use self::jobs::SendEmail;
use crate::Inbox;

/// How many characters of a workspace's id its address has at first.
const ADDRESS_DIGITS: [usize; 4] = [8, 12, 16, 32];

pub(crate) fn register_jobs(service: &Arc<Inbox>, registry: &mut Registry) -> Result<()> {
    registry.job::<SendEmail, _>(service);
    registry.job::<FetchFiles, _>(service);
    registry.job::<DropUnclaimedFiles, _>(service);
    registry.job::<DropEarlyReports, _>(service);
    registry.every(delivery::DROP_EVERY, &DropEarlyReports {})
}

impl Handle<GetEmailConfig> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: GetEmailConfig) -> Result<Option<EmailConfig>> {
        if !cx.has(Permission::SettingsIntegrations, req.workspace_id).await? {
            return Ok(None);
        }
        Ok(queries::config(cx, req.workspace_id).await?.map(Into::into))
    }
}

impl Handle<UpsertEmailConfig> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: UpsertEmailConfig) -> Result<EmailConfigId> {
        cx.require(Permission::SettingsIntegrations, req.workspace_id).await?;
        if let Some(id) = store::update_config(cx, &req).await? {
            return Ok(id);
        }
        for digits in ADDRESS_DIGITS {
            let address = store::forwarding_address(req.workspace_id, digits, &self.parts.mail_domain);
            if let Some(id) = store::insert_config(cx, &req, &address).await? {
                return Ok(id);
            }
        }
        Err(Error::internal("another workspace has this workspace's address"))
    }
}

impl Handle<SendEmailReply> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: SendEmailReply) -> Result<SentReply> {
        reply::reply(self, cx, req).await
    }
}

impl Perform<SendEmail> for Inbox {
    async fn perform(&self, cx: &mut ActionCx, job: SendEmail) -> Result<()> {
        outbound::send(self, cx, job).await
    }
}

impl Perform<FetchFiles> for Inbox {
    async fn perform(&self, cx: &mut ActionCx, job: FetchFiles) -> Result<()> {
        files::fetch(self, cx, job).await
    }
}

impl Perform<DropUnclaimedFiles> for Inbox {
    async fn perform(&self, cx: &mut ActionCx, job: DropUnclaimedFiles) -> Result<()> {
        files::drop_unclaimed(self, cx, job).await
    }
}

impl Perform<DropEarlyReports> for Inbox {
    async fn perform(&self, cx: &mut ActionCx, _: DropEarlyReports) -> Result<()> {
        delivery::drop_early(cx).await
    }
}

impl Handle<InternalReceive> for Inbox {
    async fn handle(&self, cx: &mut ActionCx, req: InternalReceive) -> Result<Received> {
        inbound::receive(self, cx, &req.body).await
    }
}

impl Handle<InternalNoteDelivery> for Inbox {
    async fn handle(&self, cx: &mut ActionCx, req: InternalNoteDelivery) -> Result<()> {
        delivery::note(cx, webhook::parse_delivery(&req.body).map_err(Error::internal)?).await
    }
}
