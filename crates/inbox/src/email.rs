//! Conversations by mail: how a workspace takes mail, mail that comes in, answers that go out, and how far they got.
//!
//! Mail comes as reports of a provider, whose signature the gateway has checked ([`inbound`]). It finds its conversation by the
//! signed address that it answers to ([`opencom_mail::alias`]), by the ids of the mails that it answers, or by subject and sender, always
//! within one workspace. Each mail is taken in once, and every one leaves a row that says what became of it. An answer is a
//! message that says how far its mail got ([`outbound`]).

mod delivery;
mod fetched;
mod files;
mod inbound;
pub(crate) mod outbound;
pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use async_trait::async_trait;
use opencom_contract::email_channel::{EmailConfig, GetEmailConfig, SendEmailReply, SentReply, UpsertEmailConfig};
use opencom_core::id::{ConversationId, EmailConfigId, MessageId};
use opencom_core::{Error, Permission, Result};
use opencom_mail::webhook;
use opencom_runtime::registry::Registration;
use opencom_runtime::{ActionCx, MutationCx, QueryCx};

pub use self::delivery::DropEarlyReports;
pub use self::files::{DropUnclaimedFiles, FetchFiles};
pub use self::outbound::SendEmail;
use crate::{Inbox, InboxService};

/// How many characters of a workspace's id its address has at first.
const ADDRESS_DIGITS: [usize; 4] = [8, 12, 16, 32];

/// What became of a provider's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A mail is a message now.
    Stored {
        /// The conversation.
        conversation_id: ConversationId,
        /// The message.
        message_id: MessageId,
        /// Whether it was one before.
        duplicate: bool,
    },
    /// A mail that nobody wrote, or that was taken in before and dropped then.
    Dropped,
    /// The report tells of a mail that was sent.
    Noted,
    /// The workspace takes no mail.
    Disabled,
    /// The mail is for nobody here.
    UnknownRecipient,
}

/// Functions, reports and jobs of the module `emailChannel`.
#[async_trait]
pub trait EmailChannel: Send + Sync {
    /// How a workspace takes mail; `None` for callers without `settings.integrations`.
    async fn email_channel_get_email_config(
        &self,
        cx: &mut QueryCx,
        req: GetEmailConfig,
    ) -> Result<Option<EmailConfig>>;

    /// Sets how a workspace takes mail, for members with `settings.integrations`. The first time makes its address.
    async fn email_channel_upsert_email_config(
        &self,
        cx: &mut MutationCx,
        req: UpsertEmailConfig,
    ) -> Result<EmailConfigId>;

    /// Stores an answer and queues its mail, for members with `conversations.reply`. `NOT_AUTHORIZED` for another agent than
    /// the caller, `NOT_FOUND` for an unknown conversation, `INVALID_INPUT` where no mail is sent.
    async fn email_channel_send_email_reply(&self, cx: &mut MutationCx, req: SendEmailReply) -> Result<SentReply>;

    /// Takes in what a provider reports. An error means that it should report again.
    async fn email_channel_receive(&self, cx: &mut ActionCx, body: &[u8]) -> Result<Received>;

    /// Notes what became of a mail that was sent.
    async fn email_channel_note_delivery(&self, cx: &mut ActionCx, body: &[u8]) -> Result<()>;

    /// Sends a message's mail. Failures stand on the message; one that may pass is tried again.
    async fn email_channel_send(&self, cx: &mut ActionCx, job: SendEmail) -> Result<()>;

    /// Fetches the files of a mail that a provider took in.
    async fn email_channel_fetch_files(&self, cx: &mut ActionCx, job: FetchFiles) -> Result<()>;

    /// Deletes the bytes of files that no mail took after all.
    async fn email_channel_drop_unclaimed_files(&self, cx: &mut ActionCx, job: DropUnclaimedFiles) -> Result<()>;

    /// Deletes reports of mails that no message sent.
    async fn email_channel_drop_early_reports(&self, cx: &mut ActionCx, job: DropEarlyReports) -> Result<()>;
}

pub(crate) fn register(of: &mut Registration<'_, dyn InboxService>) -> Result<()> {
    of.query::<GetEmailConfig>(|s, cx, req| s.email_channel_get_email_config(cx, req))
        .mutation::<UpsertEmailConfig>(|s, cx, req| s.email_channel_upsert_email_config(cx, req))
        .mutation::<SendEmailReply>(|s, cx, req| s.email_channel_send_email_reply(cx, req))
        .job::<SendEmail>(|s, cx, job| s.email_channel_send(cx, job))
        .job::<FetchFiles>(|s, cx, job| s.email_channel_fetch_files(cx, job))
        .job::<DropUnclaimedFiles>(|s, cx, job| s.email_channel_drop_unclaimed_files(cx, job))
        .job::<DropEarlyReports>(|s, cx, job| s.email_channel_drop_early_reports(cx, job))
        .every(delivery::DROP_EVERY, &DropEarlyReports {})?;
    Ok(())
}

#[async_trait]
impl EmailChannel for Inbox {
    async fn email_channel_get_email_config(
        &self,
        cx: &mut QueryCx,
        req: GetEmailConfig,
    ) -> Result<Option<EmailConfig>> {
        if !cx.has(Permission::SettingsIntegrations, req.workspace_id).await? {
            return Ok(None);
        }
        Ok(queries::config(cx, req.workspace_id).await?.map(Into::into))
    }

    async fn email_channel_upsert_email_config(
        &self,
        cx: &mut MutationCx,
        req: UpsertEmailConfig,
    ) -> Result<EmailConfigId> {
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

    async fn email_channel_send_email_reply(&self, cx: &mut MutationCx, req: SendEmailReply) -> Result<SentReply> {
        outbound::reply(self, cx, req).await
    }

    async fn email_channel_receive(&self, cx: &mut ActionCx, body: &[u8]) -> Result<Received> {
        inbound::receive(self, cx, body).await
    }

    async fn email_channel_note_delivery(&self, cx: &mut ActionCx, body: &[u8]) -> Result<()> {
        delivery::note(cx, webhook::parse_delivery(body).map_err(Error::internal)?).await
    }

    async fn email_channel_send(&self, cx: &mut ActionCx, job: SendEmail) -> Result<()> {
        outbound::send(self, cx, job).await
    }

    async fn email_channel_fetch_files(&self, cx: &mut ActionCx, job: FetchFiles) -> Result<()> {
        files::fetch(self, cx, job).await
    }

    async fn email_channel_drop_unclaimed_files(&self, cx: &mut ActionCx, job: DropUnclaimedFiles) -> Result<()> {
        files::drop_unclaimed(self, cx, job).await
    }

    async fn email_channel_drop_early_reports(&self, cx: &mut ActionCx, _: DropEarlyReports) -> Result<()> {
        delivery::drop_early(cx).await
    }
}
