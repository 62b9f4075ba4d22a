"""What the plugin answers: the API and the admin's pages."""

from dxp_crm.web.api import api as customers_api
from dxp_crm.web.fields_api import api as fields_api
from dxp_crm.web.organisations_api import api as organisations_api
from dxp_crm.web.own_tickets_api import api as own_tickets_api
from dxp_crm.web.segments_api import api as segments_api
from dxp_crm.web.tags_api import api as tags_api
from dxp_crm.web.tasks_api import api as tasks_api
from dxp_crm.web.tickets_api import api as tickets_api

APIS = (
    customers_api,
    fields_api,
    organisations_api,
    own_tickets_api,
    segments_api,
    tags_api,
    tasks_api,
    tickets_api,
)
